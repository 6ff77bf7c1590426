package dev.cocoli.detection.config;

import java.util.function.UnaryOperator;

/**
 * The hyper-parameters of R-CNN and Fast R-CNN, whose regions come from outside.
 *
 * @param maxProposals regions that are taken of an image, the best first
 * @param warp how R-CNN cuts regions out of images
 * @param stages what R-CNN fits after the steps
 */
public record ClassicConfig(long maxProposals, WarpConfig warp, StagesConfig stages) {
  /** The papers'. */
  public static final ClassicConfig DEFAULT =
      new ClassicConfig(2000, WarpConfig.DEFAULT, StagesConfig.DEFAULT);

  /** Checks the values. */
  public ClassicConfig {
    Hyperparameters.requirePositive("max_proposals", maxProposals);
  }

  /**
   * {@return this with another {@link #maxProposals}}
   *
   * @param value the new one
   */
  public ClassicConfig withMaxProposals(long value) {
    return new ClassicConfig(value, warp, stages);
  }

  /**
   * {@return this with another {@link #warp}}
   *
   * @param change makes it of this one
   */
  public ClassicConfig withWarp(UnaryOperator<WarpConfig> change) {
    return new ClassicConfig(maxProposals, change.apply(warp), stages);
  }

  /**
   * {@return this with another {@link #stages}}
   *
   * @param change makes it of this one
   */
  public ClassicConfig withStages(UnaryOperator<StagesConfig> change) {
    return new ClassicConfig(maxProposals, warp, change.apply(stages));
  }
}
