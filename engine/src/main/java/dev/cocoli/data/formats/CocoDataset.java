package dev.cocoli.data.formats;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationCheck;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.AnnotationReport.Problem;
import dev.cocoli.data.ClassNames;
import dev.cocoli.data.DataException;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.image.ImageHeader;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * A data set of a COCO annotation file ({@code instances_*.json}) and a folder of images. Labels
 * number the categories consecutively in the order of their ids; {@link #categoryId} returns the id
 * of a label. A crowd is an annotation, but not part of the training target.
 *
 * <p>The size of an image is taken from the file, or from the image itself if the file has none.
 * Decoding throws an exception if an image has a different size.
 */
public final class CocoDataset implements Dataset {

  /** How many images are looked for in a folder to see whether it is the right one. */
  private static final int LOOKED_FOR = 100;

  private final List<String> classNames;
  private final List<OptionalInt> categoryIds;
  private final List<AnnotatedImage> images;
  private final AnnotationReport report;

  private CocoDataset(
      List<String> classNames,
      List<OptionalInt> categoryIds,
      List<AnnotatedImage> images,
      AnnotationReport report) {
    this.classNames = classNames;
    this.categoryIds = List.copyOf(categoryIds);
    this.images = List.copyOf(images);
    this.report = report;
  }

  /**
   * Opens a file.
   *
   * @param json the annotation file
   * @param imagesFolder the folder that its {@code file_name}s are in
   * @param options the classes and the policy
   * @return the images of the file, in its order
   * @throws DataException if the file is not a COCO annotation file, no usable image is left, or
   *     the policy is to stop and there is a problem
   */
  public static CocoDataset open(Path json, Path imagesFolder, DatasetOptions options) {
    if (!Files.isDirectory(imagesFolder)) {
      throw new DataException(imagesFolder + ": there is no such folder of images");
    }
    return new Opening(json, CocoFile.read(json, options.fields()), imagesFolder, options).open();
  }

  /**
   * Opens a file whose images are in its own folder, or in a folder {@code images} in that or
   * beside it.
   *
   * @param json the annotation file
   * @param options the classes and the policy
   * @return the images of the file, in its order
   * @throws DataException if the file is not a COCO annotation file, no usable image is left, or
   *     the policy is to stop and there is a problem
   */
  public static CocoDataset open(Path json, DatasetOptions options) {
    CocoFile file = CocoFile.read(json, options.fields());
    Path own = json.toAbsolutePath().getParent();
    Path folder =
        Stream.of(own, own.resolve("images"), own.resolveSibling("images"))
            .max(Comparator.comparingLong(candidate -> found(candidate, file)))
            .orElseThrow();
    return new Opening(json, file, folder, options).open();
  }

  /** How many of the first images a folder has; some may be missing. */
  private static long found(Path folder, CocoFile file) {
    NamedFiles files = new NamedFiles(folder, NamedFiles.IMAGES);
    return file.images.values().stream()
        .limit(LOOKED_FOR)
        .filter(image -> files.find(image.fileName()).isPresent())
        .count();
  }

  @Override
  public List<String> classNames() {
    return classNames;
  }

  @Override
  public int size() {
    return images.size();
  }

  @Override
  public AnnotatedImage get(int index) {
    return images.get(index);
  }

  @Override
  public AnnotationReport report() {
    return report;
  }

  /**
   * {@return the category id of a class; empty if the class was given but is not in the file}
   *
   * @throws IllegalArgumentException if there is no such label
   */
  @Override
  public OptionalInt categoryId(int label) {
    if (label < 1 || label > categoryIds.size()) {
      throw new IllegalArgumentException("there is no class with the label " + label);
    }
    return categoryIds.get(label - 1);
  }

  /** The state while a data set is opened; used once. */
  private static final class Opening {
    private final Path json;
    private final Path folder;
    private final NamedFiles files;
    private final ImageClaims claims = new ImageClaims();
    private final CocoFile file;
    private final AnnotationCheck check;
    private final ClassNames classes;

    Opening(Path json, CocoFile file, Path folder, DatasetOptions options) {
      this.json = json;
      this.folder = folder;
      this.files = new NamedFiles(folder, NamedFiles.IMAGES);
      this.file = file;
      this.check = new AnnotationCheck(options.policy());
      List<String> names =
          options.classNames().isEmpty()
              ? List.copyOf(file.categories.values())
              : options.classNames();
      this.classes = new ClassNames(names);
    }

    CocoDataset open() {
      List<OptionalInt> categoryIds = categoryIds();
      Map<Long, List<Integer>> objects = file.objects.byImage();
      List<AnnotatedImage> images = new ArrayList<>(file.images.size());
      file.images.values().forEach(listed -> find(listed.fileName()));
      for (CocoFile.Listed listed : file.images.values()) {
        List<Integer> own = objects.remove(listed.id());
        image(listed, own == null ? List.of() : own).ifPresent(images::add);
      }
      for (List<Integer> lost : objects.values()) {
        for (int index : lost) {
          String image =
              file.objects.image(index) == CocoFile.NONE
                  ? "it has no image_id"
                  : "no image has the id " + file.objects.image(index);
          check.dropObject(Problem.UNKNOWN_IMAGE, place(json.toString(), index), image);
        }
      }
      AnnotationReport report = check.report(json.toString());
      return new CocoDataset(classes.names(), categoryIds, images, report);
    }

    private List<OptionalInt> categoryIds() {
      Map<String, Integer> byName = new HashMap<>();
      file.categories.forEach(
          (id, name) -> {
            Integer former = byName.put(name, id);
            if (former != null) {
              throw new DataException(
                  "%s: the categories %d and %d have the same name '%s'"
                      .formatted(json, former, id, name));
            }
          });
      return classes.names().stream()
          .map(byName::get)
          .map(id -> id == null ? OptionalInt.empty() : OptionalInt.of(id))
          .toList();
    }

    private void find(String name) {
      files.find(name).ifPresent(path -> claims.add(name, path, files.isExactly(path, name)));
    }

    private Optional<AnnotatedImage> image(CocoFile.Listed listed, List<Integer> objects) {
      String name = listed.fileName();
      Optional<Path> path = claims.granted(name);
      if (path.isEmpty()) {
        String other = claims.found(name).map(Opening::ofAnother).orElse("");
        check.dropImage(
            Problem.MISSING_IMAGE,
            name,
            json + ": there is no image " + name + " in " + folder + other);
        return Optional.empty();
      }
      int width = listed.width();
      int height = listed.height();
      if (width == 0) {
        try {
          ImageHeader header = ImageHeader.read(path.get());
          width = header.width();
          height = header.height();
        } catch (ImageDecodeException e) {
          check.dropImage(Problem.BROKEN_IMAGE, listed.fileName(), e.getMessage());
          return Optional.empty();
        }
      }
      List<Annotation> annotations = new ArrayList<>(objects.size());
      for (int index : objects) {
        object(listed.fileName(), index, width, height).ifPresent(annotations::add);
      }
      check.keepImage(annotations);
      return Optional.of(
          new AnnotatedImage(listed.id(), name, path.get(), width, height, annotations));
    }

    private static String ofAnother(Path image) {
      return ", and " + image.getFileName() + " may be that of another entry";
    }

    private AnnotationCheck.Place place(String fileName, int index) {
      String name = className(index);
      return new AnnotationCheck.Place(
          fileName, file.objects.number(index), name == null ? "no class" : name);
    }

    private String className(int index) {
      long category = file.objects.category(index);
      return category == (int) category ? file.categories.get((int) category) : null;
    }

    private Optional<Annotation> object(String fileName, int index, int width, int height) {
      AnnotationCheck.Place place = place(fileName, index);
      String name = className(index);
      if (name == null) {
        check.dropObject(Problem.UNKNOWN_CLASS, place, "the file lists no category for it");
        return Optional.empty();
      }
      int label = classes.label(name);
      if (label == ClassNames.UNKNOWN) {
        check.dropObject(Problem.UNKNOWN_CLASS, place, classes.unknown(name));
        return Optional.empty();
      }
      float x = file.objects.box(index, 0);
      float y = file.objects.box(index, 1);
      float boxWidth = file.objects.box(index, 2);
      float boxHeight = file.objects.box(index, 3);
      double area = file.objects.area(index);
      // summed in single precision, as torchvision's ConvertCocoPolysToMask does
      Box box = new Box(x, y, x + boxWidth, y + boxHeight);
      return check
          .box(place, box, width, height)
          .map(
              checked ->
                  new Annotation(
                      checked,
                      label,
                      false,
                      file.objects.crowd(index),
                      Double.isFinite(area) ? area : (double) boxWidth * boxHeight,
                      file.objects.parts(index)));
    }
  }
}
