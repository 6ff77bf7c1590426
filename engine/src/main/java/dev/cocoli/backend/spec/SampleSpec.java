package dev.cocoli.backend.spec;

/**
 * How many boxes of an image are trained on (torchvision's {@code
 * BalancedPositiveNegativeSampler}).
 *
 * @param batchSizePerImage boxes an image
 * @param positiveFraction the most of them that may be matches
 */
public record SampleSpec(long batchSizePerImage, float positiveFraction) {

  /** {@return the most matches taken from an image} */
  public long maxPositives() {
    return (long) (batchSizePerImage * (double) positiveFraction);
  }
}
