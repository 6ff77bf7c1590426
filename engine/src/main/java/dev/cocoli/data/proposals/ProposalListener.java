package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.structures.Box;
import java.util.List;

/** Is told how far the writing of a proposals file is, image by image in their order. */
public interface ProposalListener {
  /** Does nothing. */
  ProposalListener NONE = new ProposalListener() {};

  /**
   * An image's regions are there.
   *
   * @param image the image
   * @param regions where they are, the best first
   */
  default void done(AnnotatedImage image, List<Box> regions) {}

  /**
   * An image cannot be decoded; the file has no regions for it.
   *
   * @param image the image
   * @param problem what is wrong, in which file
   */
  default void broken(AnnotatedImage image, ImageDecodeException problem) {}
}
