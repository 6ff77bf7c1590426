package dev.cocoli.data.augment;

import java.awt.geom.AffineTransform;
import java.util.Map;

/**
 * Mirrors an image left to right, in place, and its objects with it (torchvision's {@code
 * RandomHorizontalFlip}).
 *
 * @param probability the probability of that, 0 to 1
 */
public record HorizontalFlip(double probability) implements Augmentation {

  /** Checks the range. */
  public HorizontalFlip {
    if (!(probability >= 0 && probability <= 1)) {
      throw new IllegalArgumentException("flip is 0 to 1, not " + probability);
    }
  }

  @Override
  public String name() {
    return "flip";
  }

  @Override
  public Map<String, String> settings() {
    return Map.of("flip", Double.toString(probability));
  }

  @Override
  public Sample apply(Sample sample, AugmentationContext context) {
    if (context.random().nextDouble() >= probability) {
      return sample;
    }
    sample.image().flipHorizontal();
    return sample.moved(new AffineTransform(-1, 0, 0, 1, sample.image().width(), 0));
  }
}
