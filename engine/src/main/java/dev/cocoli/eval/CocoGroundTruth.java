package dev.cocoli.eval;

import java.util.List;

/**
 * The ground truth of a COCO annotation file: images, classes and boxes.
 *
 * @param imageIds the images, with and without objects
 * @param categories the classes, in the order of the file
 * @param annotations the objects, in the order of the file
 * @param names what results may call the images
 */
public record CocoGroundTruth(
    List<Long> imageIds,
    List<CocoCategory> categories,
    List<CocoAnnotation> annotations,
    CocoImageNames names) {

  /** Copies the lists. */
  public CocoGroundTruth {
    imageIds = List.copyOf(imageIds);
    categories = List.copyOf(categories);
    annotations = List.copyOf(annotations);
  }
}
