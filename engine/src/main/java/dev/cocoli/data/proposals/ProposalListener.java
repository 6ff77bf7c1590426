package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.structures.Box;
import java.util.List;

/** Is told how far the writing of a proposals file is, picture by picture in their order. */
public interface ProposalListener {
  /** Does nothing. */
  ProposalListener NONE = new ProposalListener() {};

  /**
   * A picture's regions are there.
   *
   * @param image the picture
   * @param regions where they are, the best first
   */
  default void done(AnnotatedImage image, List<Box> regions) {}

  /**
   * A picture cannot be decoded; the file has no regions for it.
   *
   * @param image the picture
   * @param problem what is wrong, in which file
   */
  default void broken(AnnotatedImage image, ImageDecodeException problem) {}
}
