package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import java.util.List;

/**
 * Provides an image's proposals: regions that may hold an object, computed or read from a file.
 * Implementations are safe for many threads.
 */
public interface ProposalSource {
  /** Finds none, for a detector that finds its regions itself. */
  ProposalSource NONE = (annotated, image) -> List.of();

  /**
   * {@return the regions of an image that may hold an object, xyxy in pixels of the decoded image,
   * the best first. Each is inside the image and has an area; there may be none}
   *
   * @param annotated the image's entry in its data set
   * @param image its pixels, as decoded: not mirrored, not scaled
   */
  List<Box> proposals(AnnotatedImage annotated, Image image);
}
