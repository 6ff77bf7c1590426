package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.ImageDecodeException;

/** Is told how far the writing of a proposals file is, picture by picture in their order. */
public interface ProposalListener {
  /** Does nothing. */
  ProposalListener NONE = new ProposalListener() {};

  /**
   * A picture's regions are there.
   *
   * @param image the picture
   * @param regions how many
   */
  default void done(AnnotatedImage image, int regions) {}

  /**
   * A picture cannot be decoded; the file has no regions for it.
   *
   * @param image the picture
   * @param problem what is wrong, in which file
   */
  default void broken(AnnotatedImage image, ImageDecodeException problem) {}
}
