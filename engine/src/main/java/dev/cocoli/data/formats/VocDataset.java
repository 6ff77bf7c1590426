package dev.cocoli.data.formats;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationCheck;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.AnnotationReport.Action;
import dev.cocoli.data.AnnotationReport.Problem;
import dev.cocoli.data.ClassNames;
import dev.cocoli.data.DataException;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.formats.VocAnnotation.VocObject;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.image.ImageHeader;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import javax.xml.stream.XMLInputFactory;

/**
 * A data set in the layout of Pascal VOC: images in {@code JPEGImages}, one annotation file per
 * image in {@code Annotations}, lists of names in {@code ImageSets/Main}. A split is one of the
 * lists; its images keep their order.
 *
 * <p>If no classes are given, they are those of all splits together, sorted by name, so that a
 * class has the same label in every split. An image's size is taken from its header, after the EXIF
 * orientation is applied. If the annotation gives the size that the image has without its
 * orientation, the boxes refer to that size, and the orientation is ignored.
 */
public final class VocDataset implements Dataset {

  private static final String[] EXTENSIONS = {
    ".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG", ".bmp", ".gif", ".webp"
  };

  private final List<String> classNames;
  private final List<AnnotatedImage> images;
  private final AnnotationReport report;

  private VocDataset(
      List<String> classNames, List<AnnotatedImage> images, AnnotationReport report) {
    this.classNames = classNames;
    this.images = List.copyOf(images);
    this.report = report;
  }

  /**
   * Opens a split with {@link DatasetOptions#DEFAULT}.
   *
   * @param root the folder with {@code JPEGImages}, {@code Annotations} and {@code ImageSets}
   * @param split the name of a list in {@code ImageSets/Main}, without {@code .txt}
   * @return the images of the list
   */
  public static VocDataset open(Path root, String split) {
    return open(root, split, DatasetOptions.DEFAULT);
  }

  /**
   * Opens a split.
   *
   * @param root the folder with {@code JPEGImages}, {@code Annotations} and {@code ImageSets}
   * @param split the name of a list in {@code ImageSets/Main}, without {@code .txt}
   * @param options the classes, the policy and the box convention
   * @return the images of the list
   * @throws DataException if the layout or the split is missing, a file declares a document type,
   *     no usable image is left, or the policy is to stop and there is a problem
   */
  public static VocDataset open(Path root, String split, DatasetOptions options) {
    VocSplits splits = VocSplits.of(root);
    List<String> stems = splits.stems(split);
    return new Opening(root, options).open(stems, splits, root + " (" + split + ")");
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

  /** The state while a data set is opened; used once. */
  private static final class Opening {
    private final Path imageFolder;
    private final Path annotations;
    private final DatasetOptions options;
    private final AnnotationCheck check;
    private final XMLInputFactory factory = VocAnnotation.factory();
    private final Map<String, VocAnnotation> read = new HashMap<>();

    Opening(Path root, DatasetOptions options) {
      this.imageFolder = root.resolve("JPEGImages");
      this.annotations = root.resolve("Annotations");
      this.options = options;
      this.check = new AnnotationCheck(options.policy());
    }

    VocDataset open(List<String> stems, VocSplits splits, String name) {
      stems.forEach(stem -> readOwn(stem));
      ClassNames classes =
          new ClassNames(options.classNames().isEmpty() ? classesOf(splits) : options.classNames());
      List<AnnotatedImage> images = new ArrayList<>(stems.size());
      for (int line = 0; line < stems.size(); line++) {
        VocAnnotation annotation = read.get(stems.get(line));
        if (annotation != null) {
          image(line, stems.get(line), annotation, classes).ifPresent(images::add);
        }
      }
      AnnotationReport report = check.report(name);
      if (classes.names().isEmpty()) {
        throw new DataException(name + ": no object is marked in any split, so there is no class");
      }
      return new VocDataset(classes.names(), images, report);
    }

    private Path fileOf(String stem) {
      return annotations.resolve(stem + ".xml");
    }

    private void readOwn(String stem) {
      Path file = fileOf(stem);
      try {
        read.put(stem, VocAnnotation.read(factory, file));
      } catch (NoSuchFileException e) {
        check.dropImage(
            Problem.MISSING_ANNOTATION, stem, file + ": there is no such annotation file");
      } catch (VocAnnotation.Malformed e) {
        check.dropImage(Problem.BROKEN_ANNOTATION, stem, e.getMessage());
      } catch (IOException e) {
        throw unreadable(file, e);
      }
    }

    /**
     * The classes of all splits. Malformed files of other splits are skipped, because they are
     * reported when that split is opened.
     */
    private List<String> classesOf(VocSplits splits) {
      TreeSet<String> names = new TreeSet<>();
      for (String stem : splits.allStems()) {
        VocAnnotation annotation = read.get(stem);
        try {
          if (annotation == null && Files.isRegularFile(fileOf(stem))) {
            annotation = VocAnnotation.read(factory, fileOf(stem));
          }
        } catch (VocAnnotation.Malformed e) {
          continue;
        } catch (IOException e) {
          throw unreadable(fileOf(stem), e);
        }
        if (annotation != null) {
          annotation.objects().forEach(object -> names.add(object.className()));
        }
      }
      names.remove("");
      return List.copyOf(names);
    }

    private static DataException unreadable(Path file, IOException e) {
      return new DataException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }

    private Optional<AnnotatedImage> image(
        int line, String stem, VocAnnotation annotation, ClassNames classes) {
      Path file = fileOf(stem);
      Optional<Path> imageFile = imageFile(stem, annotation.fileName());
      if (imageFile.isEmpty()) {
        check.dropImage(
            Problem.MISSING_IMAGE,
            stem,
            file + ": there is no image " + imageFolder.resolve(stem) + ".jpg (or .png, ...)");
        return Optional.empty();
      }
      ImageHeader header;
      try {
        header =
            ImageHeader.read(imageFile.get()).asAnnotated(annotation.width(), annotation.height());
      } catch (ImageDecodeException e) {
        check.dropImage(Problem.BROKEN_IMAGE, stem, e.getMessage());
        return Optional.empty();
      }
      noteOtherSize(file, header, annotation);
      List<Annotation> objects = new ArrayList<>(annotation.objects().size());
      for (int i = 0; i < annotation.objects().size(); i++) {
        VocObject object = annotation.objects().get(i);
        var place = new AnnotationCheck.Place(file.toString(), i + 1, object.className());
        object(place, object, header, classes).ifPresent(objects::add);
      }
      check.keepImage(objects);
      return Optional.of(
          new AnnotatedImage(
              line,
              imageFile.get().getFileName().toString(),
              imageFile.get(),
              header.width(),
              header.height(),
              objects));
    }

    private void noteOtherSize(Path file, ImageHeader header, VocAnnotation annotation) {
      boolean hasSize = annotation.width() > 0 && annotation.height() > 0;
      boolean same = annotation.width() == header.width() && annotation.height() == header.height();
      if (hasSize && !same) {
        check.note(
            Problem.OTHER_SIZE,
            Action.KEPT,
            file.toString(),
            "%s: says the image has %d x %d pixels, but it has %d x %d"
                .formatted(
                    file,
                    annotation.width(),
                    annotation.height(),
                    header.width(),
                    header.height()));
      }
    }

    /** The image with the annotation's own name, otherwise the one that the annotation names. */
    private Optional<Path> imageFile(String stem, String fileName) {
      for (String extension : EXTENSIONS) {
        Path path = imageFolder.resolve(stem + extension);
        if (Files.isRegularFile(path)) {
          return Optional.of(path);
        }
      }
      return VocSplits.inside(imageFolder, fileName).filter(Files::isRegularFile);
    }

    private Optional<Annotation> object(
        AnnotationCheck.Place place, VocObject object, ImageHeader header, ClassNames classes) {
      int label = classes.label(object.className());
      if (label == ClassNames.UNKNOWN) {
        check.dropObject(Problem.UNKNOWN_CLASS, place, classes.unknown(object.className()));
        return Optional.empty();
      }
      Box box = object.box();
      if (options.boxes() == BoxConvention.ONE_BASED) {
        box = new Box(box.x1() - 1, box.y1() - 1, box.x2(), box.y2());
      }
      return check
          .box(place, box, header.width(), header.height())
          .map(
              checked ->
                  new Annotation(
                      checked,
                      label,
                      object.difficult(),
                      false,
                      (double) checked.width() * checked.height()));
    }
  }
}
