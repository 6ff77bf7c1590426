package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.DataException;
import dev.cocoli.data.image.Picture;
import dev.cocoli.structures.Box;
import java.util.ArrayList;
import java.util.List;

/**
 * Keeps regions that leave their picture, or have no size, from a detector.
 *
 * @param source where the regions come from
 * @param policy what to do with such a region
 */
public record CheckedProposals(ProposalSource source, RegionPolicy policy)
    implements ProposalSource {

  /**
   * {@inheritDoc}
   *
   * @throws DataException if one cannot be used and the policy is to stop
   */
  @Override
  public List<Box> proposals(AnnotatedImage image, Picture picture) {
    List<Box> found = source.proposals(image, picture);
    List<Box> usable = new ArrayList<>(found.size());
    for (int i = 0; i < found.size(); i++) {
      Box box = found.get(i);
      if (isUsable(box, picture)) {
        usable.add(box);
      } else if (policy == RegionPolicy.ERROR) {
        throw new DataException(
            "%s: the proposed region %d (%s, %s, %s, %s) is not inside the picture of %d x %d, or has no size"
                .formatted(
                    image.path(),
                    i,
                    box.x1(),
                    box.y1(),
                    box.x2(),
                    box.y2(),
                    picture.width(),
                    picture.height()));
      } else {
        Box clipped = clip(box, picture);
        if (isUsable(clipped, picture)) {
          usable.add(clipped);
        }
      }
    }
    return usable;
  }

  /** A number that is none makes every comparison false. */
  private static boolean isUsable(Box box, Picture picture) {
    return box.x1() >= 0
        && box.y1() >= 0
        && box.x2() <= picture.width()
        && box.y2() <= picture.height()
        && box.x1() < box.x2()
        && box.y1() < box.y2();
  }

  private static Box clip(Box box, Picture picture) {
    return new Box(
        Math.clamp(box.x1(), 0, picture.width()),
        Math.clamp(box.y1(), 0, picture.height()),
        Math.clamp(box.x2(), 0, picture.width()),
        Math.clamp(box.y2(), 0, picture.height()));
  }
}
