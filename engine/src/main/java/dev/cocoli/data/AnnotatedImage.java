package dev.cocoli.data;

import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Target;
import java.nio.file.Path;
import java.util.List;

/**
 * An image of a data set and its annotated objects.
 *
 * @param imageId the image's number in the data set: COCO's {@code id}; for VOC its line in the
 *     split, from 0
 * @param fileName the name of the file in the data set
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

  /** {@return the ground truth for training: every object, also difficult ones, but no crowds} */
  public Target target() {
    return new Target(annotations.stream().filter(object -> !object.crowd()).toList());
  }
}
