package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.structures.Box;
import java.util.List;

/** Receives the progress of writing a proposals file, image by image in their order. */
public interface ProposalListener {
  /** Does nothing. */
  ProposalListener NONE = new ProposalListener() {};

  /**
   * Called when an image's regions are computed.
   *
   * @param image the image
   * @param regions its regions, the best first
   */
  default void done(AnnotatedImage image, List<Box> regions) {}

  /**
   * Called when an image cannot be decoded; the file then has no regions for it.
   *
   * @param image the image
   * @param problem the reason; names the file
   */
  default void broken(AnnotatedImage image, ImageDecodeException problem) {}
}
