package dev.cocoli.detection.backbone;

import java.util.List;

/**
 * How wide a VGG-16 is (Simonyan and Zisserman 2015, configuration D).
 *
 * @param widths channels of each of the five stages
 */
public record VggConfig(List<Integer> widths) {
  /** Convolutions of each stage. */
  static final List<Integer> CONVOLUTIONS = List.of(2, 2, 3, 3, 3);

  /** VGG-16. */
  public static final VggConfig VGG16 = new VggConfig(List.of(64, 128, 256, 512, 512));

  /** A sixteenth of the width, for tests. */
  public static final VggConfig TINY = new VggConfig(List.of(4, 8, 16, 32, 32));

  /** Copies and checks the list. */
  public VggConfig {
    widths = List.copyOf(widths);
    if (widths.size() != CONVOLUTIONS.size()) {
      throw new IllegalArgumentException("a VGG-16 has five stages");
    }
  }
}
