package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.DataException;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import java.util.List;
import java.util.Optional;

/**
 * A source of proposals that checks those of another source: a box outside its image or without an
 * area is an error.
 *
 * @param source where the regions come from
 */
public record CheckedProposals(ProposalSource source) implements ProposalSource {
  /**
   * {@return a source, checked; without one, selective search in its fast mode}
   *
   * @param given the source
   */
  public static ProposalSource orSelectiveSearch(Optional<ProposalSource> given) {
    return new CheckedProposals(
        given.orElseGet(() -> new SelectiveSearch(SelectiveSearchConfig.fast())));
  }

  /**
   * {@inheritDoc}
   *
   * @throws DataException if one cannot be used; it names the image and the region
   */
  @Override
  public List<Box> proposals(AnnotatedImage annotated, Image image) {
    List<Box> found = source.proposals(annotated, image);
    for (int i = 0; i < found.size(); i++) {
      Box box = found.get(i);
      if (!isUsable(box, image)) {
        throw new DataException(
            "%s: the proposed region %d (%s, %s, %s, %s) is not inside the image of %d x %d, or has no size"
                .formatted(
                    annotated.path(),
                    i,
                    box.x1(),
                    box.y1(),
                    box.x2(),
                    box.y2(),
                    image.width(),
                    image.height()));
      }
    }
    return found;
  }

  /** Whether a box lies inside the image and has an area. Comparisons are false for NaN. */
  private static boolean isUsable(Box box, Image image) {
    return box.x1() >= 0
        && box.y1() >= 0
        && box.x2() <= image.width()
        && box.y2() <= image.height()
        && box.x1() < box.x2()
        && box.y1() < box.y2();
  }
}
