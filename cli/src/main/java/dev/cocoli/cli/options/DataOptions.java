package dev.cocoli.cli.options;

import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.data.AnnotationPolicy;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.Datasets;
import dev.cocoli.data.formats.BoxConvention;
import dev.cocoli.data.formats.DatasetFormat;
import dev.cocoli.structures.CocoField;
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
          "A folder with VOC's XML files, a COCO or Roboflow folder, or a COCO annotation file. VOC"
              + " has JPEGImages, Annotations and ImageSets/Main, or images beside annotations, or"
              + " XML beside the images; COCO annotations/instances_SPLIT.json and SPLIT/.")
  private Path data;

  @Option(
      names = "--images",
      paramLabel = "DIR",
      description =
          "The folder of the images. Default: that of the annotation file, or a usual one in it or"
              + " beside it, such as images.")
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

  @Option(
      names = "--val-fraction",
      paramLabel = "X",
      defaultValue = "0.1",
      description =
          "The part of the images that is the split val, where VOC's XML files come without lists;"
              + " an image stays in its split when others are added. Default: ${DEFAULT-VALUE}.")
  private double validationFraction;

  private List<CocoField<?>> fields = List.of();

  public boolean isGiven() {
    return data != null;
  }

  /**
   * Has COCO files read for more than boxes.
   *
   * @param needed the fields that the model needs
   */
  public void read(List<CocoField<?>> needed) {
    fields = needed;
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
    return open(split, Optional.ofNullable(images), classes, role, out);
  }

  /**
   * Opens a split whose images are in a folder of their own, and prints its size and its problems.
   *
   * @param split its name, or its file
   * @param imageFolder the folder; empty for that of the option or of the layout
   * @param classes the classes; empty to find them in the data
   * @param role the purpose of the images, in a word
   * @param out where that is printed
   */
  public Dataset open(
      Optional<String> split,
      Optional<Path> imageFolder,
      List<String> classes,
      String role,
      PrintWriter out) {
    DatasetOptions options = options().withClassNames(classes);
    boolean isOtherFile = isFile() && split.isPresent();
    Dataset opened =
        Datasets.open(
            isOtherFile ? Path.of(split.get()) : data,
            imageFolder,
            split,
            isOtherFile ? DatasetFormat.COCO : format,
            options);
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

  /** Returns the folder of images that the command line names. */
  public Optional<Path> images() {
    return Optional.ofNullable(images);
  }

  private DatasetOptions options() {
    if (!(validationFraction >= 0 && validationFraction < 1)) {
      throw new CommandException(
          "--val-fraction is from 0 to less than 1, not " + validationFraction);
    }
    return DatasetOptions.DEFAULT
        .withPolicy(policy)
        .withBoxes(boxes)
        .withFields(fields)
        .withValidationFraction(validationFraction);
  }

  /** Lets the split {@code train} of a folder without lists have all images. */
  public void useAllForTraining() {
    validationFraction = 0;
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

  /** Whether the data set is a folder with a split of this name. */
  public boolean hasSplit(String split) {
    return Datasets.hasSplit(data, Optional.ofNullable(images), split, options());
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
