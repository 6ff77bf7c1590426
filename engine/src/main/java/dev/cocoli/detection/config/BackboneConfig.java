package dev.cocoli.detection.config;

import dev.cocoli.nn.Norm;

/**
 * How the network of a model is built.
 *
 * @param norm its normalisations
 * @param trainableBackboneLayers layers, from the last on, that are trained; 5 is all
 * @param batchNormEps added to variances by the normalisations; torchvision sets 0 for its first
 *     COCO weights
 * @param fpnOutChannels channels of the pyramid's maps
 */
public record BackboneConfig(
    Norm.Type norm, int trainableBackboneLayers, float batchNormEps, int fpnOutChannels) {
  /** torchvision's, with every layer trained. */
  public static final BackboneConfig DEFAULT = new BackboneConfig(Norm.Type.FROZEN, 5, 1e-5f, 256);

  /** Checks the values. */
  public BackboneConfig {
    Hyperparameters.require(
        trainableBackboneLayers >= 0 && trainableBackboneLayers <= 5,
        "trainable_backbone_layers is 0 to 5");
    Hyperparameters.require(batchNormEps >= 0, "batch_norm_eps is at least 0");
    Hyperparameters.requirePositive("fpn_out_channels", fpnOutChannels);
  }

  /**
   * {@return this with another {@link #norm}}
   *
   * @param value the new one
   */
  public BackboneConfig withNorm(Norm.Type value) {
    return new BackboneConfig(value, trainableBackboneLayers, batchNormEps, fpnOutChannels);
  }

  /**
   * {@return this with another {@link #trainableBackboneLayers}}
   *
   * @param value the new one
   */
  public BackboneConfig withTrainableBackboneLayers(int value) {
    return new BackboneConfig(norm, value, batchNormEps, fpnOutChannels);
  }

  /**
   * {@return this with another {@link #batchNormEps}}
   *
   * @param value the new one
   */
  public BackboneConfig withBatchNormEps(float value) {
    return new BackboneConfig(norm, trainableBackboneLayers, value, fpnOutChannels);
  }

  /**
   * {@return this with another {@link #fpnOutChannels}}
   *
   * @param value the new one
   */
  public BackboneConfig withFpnOutChannels(int value) {
    return new BackboneConfig(norm, trainableBackboneLayers, batchNormEps, value);
  }
}
