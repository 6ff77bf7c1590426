package dev.cocoli.data;

import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An image of a data set and what is marked on it.
 *
 * @param imageId the image's number in the data set: COCO's {@code id}; for VOC its line in the
 *     split, from 0
 * @param fileName the name by which the data set knows the file
 * @param path where the file is
 * @param width columns of the image that the boxes refer to
 * @param height rows of the image that the boxes refer to
 * @param annotations the objects, crowds among them, in the order of the file; may be empty
 */
public record AnnotatedImage(
    long imageId, String fileName, Path path, int width, int height, List<Annotation> annotations) {

  /** Copies the list. */
  public AnnotatedImage {
    annotations = List.copyOf(annotations);
  }

  /**
   * {@return what to train on: every object, difficult ones too, but no crowd, which is no object}
   */
  public Target target() {
    List<Box> boxes = new ArrayList<>(annotations.size());
    List<Integer> labels = new ArrayList<>(annotations.size());
    for (Annotation annotation : annotations) {
      if (!annotation.crowd()) {
        boxes.add(annotation.box());
        labels.add(annotation.label());
      }
    }
    return new Target(boxes, labels.stream().mapToInt(Integer::intValue).toArray());
  }
}
