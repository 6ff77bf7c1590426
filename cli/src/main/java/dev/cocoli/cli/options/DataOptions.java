package dev.cocoli.cli.options;

import dev.cocoli.data.AnnotationPolicy;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.Datasets;
import dev.cocoli.data.formats.BoxConvention;
import dev.cocoli.data.formats.DatasetFormat;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options that choose the data set: images and ground truth. */
public final class DataOptions {
  /** The number of a data set's problems that are printed one by one. */
  private static final int PRINTED_FINDINGS = 5;

  @Option(
      names = "--data",
      paramLabel = "DIR|FILE.json",
      description =
          "A Pascal VOC folder (JPEGImages, Annotations, ImageSets/Main), a COCO annotation file,"
              + " or a folder in COCO's layout (annotations/instances_SPLIT.json, SPLIT/).")
  private Path data;

  @Option(
      names = "--images",
      paramLabel = "DIR",
      description = "COCO: the folder of the images. Default: that of the annotation file.")
  private Path images;

  @Option(
      names = "--format",
      paramLabel = "F",
      defaultValue = "auto",
      converter = Words.OfFormat.class,
      description = "auto, voc or coco. Default: ${DEFAULT-VALUE}.")
  private DatasetFormat format;

  @Option(
      names = "--annotations",
      paramLabel = "POLICY",
      defaultValue = "drop",
      converter = Words.OfPolicy.class,
      description =
          "What to do with annotations that cannot be used. drop: leave them out. clip: cut boxes"
              + " at the image's edges as well. error: stop at the first. Default:"
              + " ${DEFAULT-VALUE}.")
  private AnnotationPolicy policy;

  @Option(
      names = "--boxes",
      paramLabel = "CONVENTION",
      defaultValue = "as-written",
      converter = Words.OfConvention.class,
      description =
          "VOC: as-written (xyxy), or one-based, as in the original VOC files. Default:"
              + " ${DEFAULT-VALUE}.")
  private BoxConvention boxes;

  public boolean isGiven() {
    return data != null;
  }

  /**
   * Opens a split, and prints its size and its problems.
   *
   * @param split its name; empty for a COCO file, which is a split by itself
   * @param classes the classes; empty to find them in the data
   * @param role the purpose of the images, in a word
   * @param out where that is printed
   */
  public Dataset open(Optional<String> split, List<String> classes, String role, PrintWriter out) {
    DatasetOptions options = new DatasetOptions(classes, policy, boxes);
    Dataset opened = open(split, options);
    out.printf("%s: %s%n", role, opened.report().summary());
    var findings = opened.report().findings();
    findings.stream()
        .limit(PRINTED_FINDINGS)
        .forEach(finding -> out.println("  " + finding.message()));
    if (findings.size() > PRINTED_FINDINGS) {
      out.println("  ...");
    }
    return opened;
  }

  private Dataset open(Optional<String> split, DatasetOptions options) {
    Optional<Path> given = Optional.ofNullable(images);
    if (format != DatasetFormat.VOC && split.isPresent()) {
      Path file = data.resolve("annotations").resolve("instances_" + split.get() + ".json");
      if (Files.isRegularFile(file)) {
        Path imageFolder = given.orElse(data.resolve(split.get()));
        return Datasets.open(
            file, Optional.of(imageFolder), Optional.empty(), DatasetFormat.COCO, options);
      }
    }
    if (isFile() && split.isPresent()) {
      return Datasets.open(
          Path.of(split.get()), given, Optional.empty(), DatasetFormat.COCO, options);
    }
    return Datasets.open(data, given, split, format, options);
  }

  /** Returns the annotation files that the command line names, if they are single files. */
  public List<Path> files(Optional<String> split) {
    if (data == null || !isFile()) {
      return List.of();
    }
    return split.isPresent() ? List.of(data, Path.of(split.get())) : List.of(data);
  }

  /** Whether the data set is a file, so that another split is another file. */
  public boolean isFile() {
    return Files.isRegularFile(data);
  }

  /** Whether a VOC folder has a split of this name. */
  public boolean hasVocSplit(String split) {
    return Files.isRegularFile(data.resolve("ImageSets").resolve("Main").resolve(split + ".txt"));
  }

  /** Returns the location of the data, for the record. */
  public Map<String, String> origin() {
    Map<String, String> origin = new LinkedHashMap<>();
    origin.put("data", data.toAbsolutePath().normalize().toString());
    if (images != null) {
      origin.put("images", images.toAbsolutePath().normalize().toString());
    }
    return origin;
  }

  /** Parses words with dashes, in any case, as values of an enum. */
  private abstract static class Words<E extends Enum<E>> implements ITypeConverter<E> {
    private final Class<E> type;

    Words(Class<E> type) {
      this.type = type;
    }

    @Override
    public E convert(String word) {
      StringBuilder known = new StringBuilder();
      for (E value : type.getEnumConstants()) {
        String name = value.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        if (name.equalsIgnoreCase(word)) {
          return value;
        }
        known.append(known.isEmpty() ? "" : ", ").append(name);
      }
      throw new TypeConversionException("is one of " + known + ", not '" + word + "'");
    }

    static final class OfFormat extends Words<DatasetFormat> {
      OfFormat() {
        super(DatasetFormat.class);
      }
    }

    static final class OfPolicy extends Words<AnnotationPolicy> {
      OfPolicy() {
        super(AnnotationPolicy.class);
      }
    }

    static final class OfConvention extends Words<BoxConvention> {
      OfConvention() {
        super(BoxConvention.class);
      }
    }
  }
}
