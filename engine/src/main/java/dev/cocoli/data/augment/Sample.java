package dev.cocoli.data.augment;

import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.awt.geom.AffineTransform;
import java.util.List;

/**
 * An image in memory with its objects and proposals. Closing it frees the image; a second close
 * does nothing.
 *
 * @param image the pixels
 * @param target the objects, in pixels of this image
 * @param proposals regions that may hold an object, in pixels of this image; empty where the model
 *     finds its regions itself
 */
public record Sample(Image image, Target target, List<Box> proposals) implements AutoCloseable {

  /** Copies the list. */
  public Sample {
    proposals = List.copyOf(proposals);
  }

  /**
   * {@return this after its image was changed: objects and proposals move along}
   *
   * @param move where a point of the image before is in the image now
   */
  public Sample moved(AffineTransform move) {
    return new Sample(
        image, target.moved(move), proposals.stream().map(box -> box.moved(move)).toList());
  }

  /** {@return this without what lies outside of the image} */
  public Sample clipped() {
    int width = image.width();
    int height = image.height();
    return new Sample(
        image,
        target.clipped(width, height),
        proposals.stream().map(box -> box.clipped(width, height)).filter(Box::hasArea).toList());
  }

  @Override
  public void close() {
    image.close();
  }
}
