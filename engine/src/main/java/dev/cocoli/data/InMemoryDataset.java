package dev.cocoli.data;

import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.image.ImageHeader;
import dev.cocoli.structures.Annotation;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/**
 * A data set of images that a program has: as bytes of files, as {@link BufferedImage}s, or from
 * where it fetches them, such as a database.
 *
 * <pre>{@code
 * Dataset data =
 *     new InMemoryDataset(
 *         List.of("car", "person"),
 *         List.of(
 *             InMemoryDataset.Entry.of("street-1", jpeg, objects),
 *             InMemoryDataset.Entry.of("street-2", bufferedImage, others)));
 * }</pre>
 */
public final class InMemoryDataset implements Dataset {
  private final List<String> classNames;
  private final List<Entry> entries;
  private final AnnotationReport report;

  /**
   * Checks all entries by the rules for files.
   *
   * @param classNames the name of each class, label 1 first
   * @param entries the images; the place in the list is the image's number
   * @throws DataException if an object or an image cannot be trained on, or there is no image; the
   *     message names the first ones
   */
  public InMemoryDataset(List<String> classNames, List<Entry> entries) {
    this.classNames = DatasetOptions.DEFAULT.withClassNames(classNames).classNames();
    this.entries = List.copyOf(entries);
    DatasetCheck.require("the images in memory", this);
    report = DatasetCheck.report(this);
  }

  /**
   * An image and its objects.
   *
   * @param name what messages and results call it
   * @param width columns of the image that the boxes refer to
   * @param height rows of that image
   * @param pixels returns an image of that size, which the caller closes; threads call it at once,
   *     in each epoch
   * @param objects the objects, in pixels of the image as it is shown upright; may be empty
   */
  public record Entry(
      String name, int width, int height, Supplier<Image> pixels, List<Annotation> objects) {
    private static final ImageDecoder DECODER = new ImageDecoder();

    /** Copies the list. */
    public Entry {
      objects = List.copyOf(objects);
    }

    /**
     * {@return an image whose file is in memory, and decoded when it is used}
     *
     * @param name what messages and results call it
     * @param file the bytes of a JPEG, PNG, BMP or GIF file; not copied
     * @param objects the objects, in pixels of the image as it is shown upright
     * @throws dev.cocoli.data.image.ImageDecodeException if its header is none of an image
     */
    public static Entry of(String name, byte[] file, List<Annotation> objects) {
      ImageHeader header = ImageHeader.read(file, name);
      return new Entry(
          name, header.width(), header.height(), () -> DECODER.decode(file, name), objects);
    }

    /**
     * {@return an image that is decoded already}
     *
     * @param name what messages and results call it
     * @param image the image; not copied. Its pixels are taken as they are: whoever read it has
     *     turned it upright, which {@code ImageIO} does not
     * @param objects the objects, in its pixels
     */
    public static Entry of(String name, BufferedImage image, List<Annotation> objects) {
      return new Entry(name, image.getWidth(), image.getHeight(), () -> Image.of(image), objects);
    }
  }

  @Override
  public List<String> classNames() {
    return classNames;
  }

  @Override
  public int size() {
    return entries.size();
  }

  @Override
  public AnnotatedImage get(int index) {
    Entry entry = entries.get(index);
    return new AnnotatedImage(
        index, entry.name, Path.of(entry.name), entry.width, entry.height, entry.objects);
  }

  @Override
  public Image image(int index) {
    return entries.get(index).pixels.get();
  }

  @Override
  public AnnotationReport report() {
    return report;
  }
}
