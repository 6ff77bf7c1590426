package dev.cocoli.data;

import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import java.util.List;

/**
 * Images with marked objects, by index. Everything was checked when the data set was opened;
 * implementations do not change afterwards and may be read by many threads.
 */
public interface Dataset {

  /** {@return the names of the classes; label k is the k-th of them, counted from 1} */
  List<String> classNames();

  /** {@return the number of images, those without objects included} */
  int size();

  /**
   * {@return an image and its objects; the pixels stay in the file}
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

  /** {@return what was found, left out and changed when the data set was opened} */
  AnnotationReport report();

  /**
   * {@return the number by which the data set's own files, and so COCO results, call a class}
   *
   * @param label 1 to the number of classes
   */
  default int categoryId(int label) {
    return label;
  }
}
