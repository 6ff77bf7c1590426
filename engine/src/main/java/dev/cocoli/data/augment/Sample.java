package dev.cocoli.data.augment;

import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * An image in memory with its boxes and proposals. Closing it frees the image; a second close does
 * nothing.
 *
 * @param image the pixels
 * @param target boxes and labels of the objects, in pixels of this image
 * @param proposals regions that may hold an object, in pixels of this image; empty where the model
 *     finds its regions itself
 */
public record Sample(Image image, Target target, List<Box> proposals) implements AutoCloseable {

  /** Copies the list. */
  public Sample {
    proposals = List.copyOf(proposals);
  }

  /**
   * {@return this with every box and every proposal moved}
   *
   * @param move maps a box from pixels of the image before to pixels of the image now
   */
  public Sample withBoxes(UnaryOperator<Box> move) {
    return new Sample(
        image,
        new Target(target.boxes().stream().map(move).toList(), target.labels()),
        proposals.stream().map(move).toList());
  }

  @Override
  public void close() {
    image.close();
  }
}
