package dev.cocoli.structures;

import java.awt.Shape;
import java.awt.geom.AffineTransform;

/**
 * Something that is known of an object besides its box and its class: its mask, or its keypoints. A
 * data set reads it, augmentations move it, a branch of the heads learns it, and a detection has
 * it. Values do not change. A class of parts may lie outside this library; its class identifies a
 * part, so that an object has at most one of each class.
 */
public interface ObjectPart {
  /**
   * {@return this part after its image was changed}
   *
   * @param move how the image's points moved; a negative determinant says that the image was
   *     mirrored
   */
  ObjectPart moved(AffineTransform move);

  /**
   * {@return this part after its image was cut to a size; by default this, for a part whose points
   * may lie outside}
   *
   * @param width columns of the image
   * @param height rows of the image
   */
  default ObjectPart clipped(int width, int height) {
    return this;
  }

  /** {@return its outline in pixels of its image: for drawings, and to recognise changed data} */
  Shape outline();
}
