package dev.cocoli.detection.config;

import java.util.List;

/**
 * The boxes that proposals are written relative to.
 *
 * @param sizes the side of a square anchor of each map, in pixels; over one map, of all its anchors
 * @param aspectRatios heights over widths
 */
public record AnchorConfig(List<Integer> sizes, List<Float> aspectRatios) {
  /** torchvision's over a pyramid of five maps. */
  public static final AnchorConfig DEFAULT =
      new AnchorConfig(List.of(32, 64, 128, 256, 512), List.of(0.5f, 1f, 2f));

  /** Copies and checks. */
  public AnchorConfig {
    sizes = List.copyOf(sizes);
    aspectRatios = List.copyOf(aspectRatios);
    Hyperparameters.require(
        !sizes.isEmpty() && sizes.stream().allMatch(size -> size > 0),
        "anchor_sizes has a number or more, all positive");
    Hyperparameters.require(
        !aspectRatios.isEmpty() && aspectRatios.stream().allMatch(ratio -> ratio > 0),
        "anchor_aspect_ratios has a number or more, all positive");
  }

  /**
   * {@return this with another {@link #sizes}}
   *
   * @param value the new one
   */
  public AnchorConfig withSizes(List<Integer> value) {
    return new AnchorConfig(value, aspectRatios);
  }

  /**
   * {@return this with another {@link #aspectRatios}}
   *
   * @param value the new one
   */
  public AnchorConfig withAspectRatios(List<Float> value) {
    return new AnchorConfig(sizes, value);
  }
}
