package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Picture;
import dev.cocoli.detection.Box;
import java.util.List;

/** Selective search (Uijlings et al., IJCV 2013). Safe for many threads. */
public final class SelectiveSearch implements ProposalSource {
  private final SelectiveSearchConfig config;

  /**
   * Makes a search.
   *
   * @param config how to search
   */
  public SelectiveSearch(SelectiveSearchConfig config) {
    this.config = config;
  }

  /** {@return how it searches} */
  public SelectiveSearchConfig config() {
    return config;
  }

  @Override
  public List<Box> proposals(AnnotatedImage image, Picture picture) {
    return propose(picture);
  }

  /**
   * {@return the regions of a picture that may hold an object, xyxy in whole pixels, the best
   * first}
   *
   * @param picture the pixels; not changed
   */
  public List<Box> propose(Picture picture) {
    throw new UnsupportedOperationException("the next commits bring the search");
  }
}
