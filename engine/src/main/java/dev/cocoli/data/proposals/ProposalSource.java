package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Picture;
import dev.cocoli.structures.Box;
import java.util.List;

/** Where a picture's regions come from: computed, or read from a file. Safe for many threads. */
public interface ProposalSource {

  /**
   * {@return the regions of a picture that may hold an object, xyxy in pixels of the picture as it
   * is decoded, the best first; each inside the picture and not empty; may be none}
   *
   * @param image which picture of its data set this is
   * @param picture its pixels, as decoded: not mirrored, not scaled
   */
  List<Box> proposals(AnnotatedImage image, Picture picture);
}
