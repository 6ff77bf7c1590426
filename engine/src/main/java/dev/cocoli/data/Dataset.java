package dev.cocoli.data;

import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import java.util.List;

/**
 * A list of images with annotated objects. Everything is checked when the data set is opened.
 * Implementations do not change afterwards and may be read by many threads.
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

  /** {@return the report of the problems found when the data set was opened} */
  AnnotationReport report();

  /**
   * {@return the number of a class in the data set's own files, and so in COCO results}
   *
   * @param label 1 to the number of classes
   */
  default int categoryId(int label) {
    return label;
  }
}
