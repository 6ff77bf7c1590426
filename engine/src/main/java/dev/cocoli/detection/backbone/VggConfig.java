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

  /** Copies and checks the list. */
  public VggConfig {
    widths = List.copyOf(widths);
    if (widths.size() != CONVOLUTIONS.size()) {
      throw new IllegalArgumentException("a VGG-16 has five stages");
    }
  }

  /**
   * {@return the network of a name: {@code vgg16}, or {@code tinyvgg}, a sixteenth of the width,
   * for tests}
   *
   * @param name the name
   * @throws IllegalArgumentException if there is none of that name
   */
  public static VggConfig named(String name) {
    return switch (name) {
      case "vgg16" -> new VggConfig(List.of(64, 128, 256, 512, 512));
      case "tinyvgg" -> new VggConfig(List.of(4, 8, 16, 32, 32));
      default -> throw new IllegalArgumentException("unknown VGG '" + name + "': vgg16 or tinyvgg");
    };
  }
}
