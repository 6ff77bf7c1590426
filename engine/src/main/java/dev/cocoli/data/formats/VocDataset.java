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
import dev.cocoli.data.formats.VocSplits.Entry;
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
 * A data set with Pascal VOC's annotation files, one per image: images in {@code JPEGImages},
 * annotations in {@code Annotations}, lists of names in {@code ImageSets/Main}, or in one of the
 * other layouts in which such data are published: {@code images} beside {@code annotations}, {@code
 * annots}, {@code labels} or {@code xml}; XML files beside the images; folders {@code train},
 * {@code valid}, {@code test}. A split is one of the lists, whose images keep their order, or one
 * of those folders. Without either the images are divided into {@code train} and {@code val} by a
 * hash of their names, so that an image stays in its split when others are added; {@code all} has
 * all.
 *
 * <p>If no classes are given, they are those of all splits together, sorted by name, so that a
 * class has the same label in every split. An image's size is taken from its header, after the EXIF
 * orientation is applied. If the annotation gives the size that the image has without its
 * orientation, the boxes refer to that size, and the orientation is ignored.
 */
public final class VocDataset implements Dataset {

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
   * @param root the folder of the data set
   * @param split the name of a list without {@code .txt}, or of a folder, or train, val or all
   * @return the images of the split
   */
  public static VocDataset open(Path root, String split) {
    return open(root, Optional.empty(), split, DatasetOptions.DEFAULT);
  }

  /**
   * Opens a split whose images are in one of the usual places.
   *
   * @param root the folder of the data set
   * @param split the name of a list without {@code .txt}, or of a folder, or train, val or all
   * @param options the classes, the policy, the box convention, the division without lists
   * @return the images of the split
   * @throws DataException as the other method does
   */
  public static VocDataset open(Path root, String split, DatasetOptions options) {
    return open(root, Optional.empty(), split, options);
  }

  /**
   * Opens a split.
   *
   * @param root the folder of the data set, or of its XML files
   * @param images the folder of the images, if it is not a usual one beside them
   * @param split the name of a list without {@code .txt}, or of a folder, or train, val or all
   * @param options the classes, the policy, the box convention, the division without lists
   * @return the images of the split
   * @throws DataException if the annotations or the split are missing, a file declares a document
   *     type, no usable image is left, or the policy is to stop and there is a problem
   */
  public static VocDataset open(
      Path root, Optional<Path> images, String split, DatasetOptions options) {
    VocSplits splits = VocSplits.of(root, images, options.validationFraction());
    List<Entry> entries = splits.entries(split);
    return new Opening(options).open(entries, splits, root + " (" + split + ")");
  }

  /**
   * {@return the names of the splits that a folder has}
   *
   * @param root the folder of the data set
   * @param images the folder of the images, if it is not a usual one
   * @param options the division without lists
   * @throws DataException if there are no annotations
   */
  public static List<String> splits(Path root, Optional<Path> images, DatasetOptions options) {
    return VocSplits.of(root, images, options.validationFraction()).names();
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
    private final DatasetOptions options;
    private final AnnotationCheck check;
    private final XMLInputFactory factory = VocAnnotation.factory();
    private final Map<Path, VocAnnotation> read = new HashMap<>();
    private final Map<Path, NamedFiles> imageFolders = new HashMap<>();
    private final ImageClaims claims = new ImageClaims();

    Opening(DatasetOptions options) {
      this.options = options;
      this.check = new AnnotationCheck(options.policy());
    }

    VocDataset open(List<Entry> entries, VocSplits splits, String name) {
      entries.forEach(this::readOwn);
      ClassNames classes =
          new ClassNames(options.classNames().isEmpty() ? classesOf(splits) : options.classNames());
      entries.forEach(this::findImage);
      List<AnnotatedImage> images = new ArrayList<>(entries.size());
      for (int line = 0; line < entries.size(); line++) {
        VocAnnotation annotation = read.get(entries.get(line).annotation());
        if (annotation != null) {
          image(line, entries.get(line), annotation, classes).ifPresent(images::add);
        }
      }
      AnnotationReport report = check.report(name);
      if (classes.names().isEmpty()) {
        throw new DataException(name + ": no object is marked in any split, so there is no class");
      }
      return new VocDataset(classes.names(), images, report);
    }

    private void readOwn(Entry entry) {
      Path file = entry.annotation();
      try {
        read.put(file, VocAnnotation.read(factory, file));
      } catch (NoSuchFileException e) {
        check.dropImage(
            Problem.MISSING_ANNOTATION, entry.stem(), file + ": there is no such annotation file");
      } catch (VocAnnotation.Malformed e) {
        check.dropImage(Problem.BROKEN_ANNOTATION, entry.stem(), e.getMessage());
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
      for (Entry entry : splits.all()) {
        VocAnnotation annotation = read.get(entry.annotation());
        try {
          if (annotation == null && Files.isRegularFile(entry.annotation())) {
            annotation = VocAnnotation.read(factory, entry.annotation());
          }
        } catch (VocAnnotation.Malformed e) {
          continue;
        } catch (IOException e) {
          throw unreadable(entry.annotation(), e);
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

    /** Finds the image with the annotation's own name, else the one that the annotation names. */
    private void findImage(Entry entry) {
      VocAnnotation annotation = read.get(entry.annotation());
      if (annotation == null) {
        return;
      }
      NamedFiles images =
          imageFolders.computeIfAbsent(
              entry.images(), folder -> new NamedFiles(folder, NamedFiles.IMAGES));
      String stem = entry.stem();
      String said = annotation.fileName();
      boolean sameStem = said.startsWith(stem) && said.lastIndexOf('.') == stem.length();
      Optional<Path> own = images.find(sameStem ? said : stem);
      own.or(() -> images.find(said))
          .ifPresent(path -> claims.add(entry.annotation().toString(), path, own.isPresent()));
    }

    private Optional<AnnotatedImage> image(
        int line, Entry entry, VocAnnotation annotation, ClassNames classes) {
      Path file = entry.annotation();
      String stem = entry.stem();
      Optional<Path> imageFile = claims.granted(file.toString());
      if (imageFile.isEmpty()) {
        String other =
            claims
                .found(file.toString())
                .map(path -> ", and " + path.getFileName() + " may be that of another file")
                .orElse("");
        Path usual = entry.images().resolve(stem + ".jpg");
        check.dropImage(
            Problem.MISSING_IMAGE,
            stem,
            file + ": there is no image " + usual + " (or .png, ...)" + other);
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
