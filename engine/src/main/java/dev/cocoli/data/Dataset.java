package dev.cocoli.data;

import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import java.util.List;
import java.util.OptionalInt;

/**
 * A list of images with annotated objects. Those that are read from files are checked when they are
 * opened. A program may have one of its own, such as over a database; {@link InMemoryDataset} is
 * one of images that come as bytes or {@link java.awt.image.BufferedImage}s. Before a training
 * begins, {@link DatasetCheck} checks every data set. Implementations do not change and may be read
 * by many threads.
 */
public interface Dataset {

  /** {@return the names of the classes; label k is the k-th of them, counted from 1} */
  List<String> classNames();

  /** {@return the number of images, those without objects included} */
  int size();

  /**
   * {@return an image's entry with its objects; the pixels stay in the file}
   *
   * @param index 0 to {@link #size()} - 1
   */
  AnnotatedImage get(int index);

  /**
   * {@return the pixels of an image, by default decoded from its file; to be closed by the caller.
   * An implementation may read them from elsewhere}
   *
   * @param index 0 to {@link #size()} - 1
   * @throws dev.cocoli.data.image.ImageDecodeException if it cannot be decoded
   */
  default Image image(int index) {
    return new ImageDecoder().decode(get(index));
  }

  /**
   * {@return the report of the problems found when the data set was opened; by default, of a check
   * of all images now}
   *
   * @throws DataException if no image can be used
   */
  default AnnotationReport report() {
    return DatasetCheck.report(this);
  }

  /**
   * {@return the number of a class in the data set's own files, and so in COCO results; empty if
   * the class was given, but the files do not have it}
   *
   * @param label 1 to the number of classes
   */
  default OptionalInt categoryId(int label) {
    return OptionalInt.of(label);
  }
}
