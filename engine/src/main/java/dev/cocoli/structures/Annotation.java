package dev.cocoli.structures;

import java.awt.geom.AffineTransform;
import java.util.Optional;

/**
 * An annotated object of an image, from the annotation file to the training step.
 *
 * @param box its box, in pixels of the annotated image
 * @param label its class, 1 for the first (0 is the background)
 * @param difficult VOC's flag: evaluation counts neither finding nor missing the object
 * @param crowd COCO's {@code iscrowd}: a region of many objects, which training ignores, and in
 *     which evaluation ignores unmatched detections
 * @param area COCO's {@code area} in square pixels (of the mask where there is one), which sorts
 *     objects into small, medium and large; the box's area where the data set has none
 * @param parts what else is known of it, such as its mask
 */
public record Annotation(
    Box box, int label, boolean difficult, boolean crowd, double area, ObjectParts parts) {

  /**
   * Creates an object that has no parts.
   *
   * @param box its box
   * @param label its class
   * @param difficult VOC's flag
   * @param crowd COCO's flag
   * @param area its area in square pixels
   */
  public Annotation(Box box, int label, boolean difficult, boolean crowd, double area) {
    this(box, label, difficult, crowd, area, ObjectParts.NONE);
  }

  /**
   * {@return a single object that has the area of its box, and no parts}
   *
   * @param box its box
   * @param label its class
   */
  public static Annotation of(Box box, int label) {
    return new Annotation(box, label, false, false, (double) box.width() * box.height());
  }

  /**
   * {@return this object with one more part}
   *
   * @param part replaces a part of the same class
   */
  public Annotation with(ObjectPart part) {
    return new Annotation(box, label, difficult, crowd, area, parts.with(part));
  }

  /**
   * {@return one of its parts, if it has it}
   *
   * @param type the class of the part
   * @param <P> that class
   */
  public <P extends ObjectPart> Optional<P> part(Class<P> type) {
    return parts.get(type);
  }

  /**
   * {@return this object after its image was changed}
   *
   * @param move how the image's points moved
   */
  public Annotation moved(AffineTransform move) {
    return new Annotation(
        box.moved(move),
        label,
        difficult,
        crowd,
        area * Math.abs(move.getDeterminant()),
        parts.moved(move));
  }

  /**
   * {@return the part of this object that is inside of an image; nothing if none of its box is}
   *
   * @param width columns of the image
   * @param height rows of the image
   */
  public Optional<Annotation> clipped(int width, int height) {
    Box inside = box.clipped(width, height);
    if (!inside.hasArea()) {
      return Optional.empty();
    }
    double visible = inside.area() / box.area();
    return Optional.of(
        new Annotation(
            inside, label, difficult, crowd, area * visible, parts.clipped(width, height)));
  }
}
