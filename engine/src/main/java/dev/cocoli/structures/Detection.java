package dev.cocoli.structures;

import java.awt.geom.AffineTransform;
import java.util.Optional;

/**
 * One object that a detector found.
 *
 * @param box where, in pixels of the image as it was given
 * @param label the class, 1 for the first; 0 is the background and is never reported
 * @param score the probability of the class, from 0 to 1
 * @param parts what else the detector found of it, such as its mask
 */
public record Detection(Box box, int label, float score, ObjectParts parts) {

  /**
   * Creates a detection that has no parts.
   *
   * @param box where
   * @param label the class
   * @param score the probability of the class
   */
  public Detection(Box box, int label, float score) {
    this(box, label, score, ObjectParts.NONE);
  }

  /**
   * {@return this detection with one more part}
   *
   * @param part replaces a part of the same class
   */
  public Detection with(ObjectPart part) {
    return new Detection(box, label, score, parts.with(part));
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
   * {@return this detection in another image}
   *
   * @param move where the points of its image are in the other one
   */
  public Detection moved(AffineTransform move) {
    return new Detection(box.moved(move), label, score, parts.moved(move));
  }
}
