package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import java.util.List;

/** Where an image's regions come from: computed, or read from a file. Safe for many threads. */
public interface ProposalSource {

  /**
   * {@return the regions of an image that may hold an object, xyxy in pixels of the image as it is
   * decoded, the best first; each inside the image and not empty; may be none}
   *
   * @param annotated which image of its data set this is
   * @param image its pixels, as decoded: not mirrored, not scaled
   */
  List<Box> proposals(AnnotatedImage annotated, Image image);
}
