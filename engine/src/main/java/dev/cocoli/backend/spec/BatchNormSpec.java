package dev.cocoli.backend.spec;

/**
 * Batch normalisation in training.
 *
 * @param eps added to the variance
 * @param momentum the weight of this batch in the running statistics
 * @param activation applied last, after the residual if there is one
 */
public record BatchNormSpec(float eps, float momentum, Activation activation) {

  /** {@return the same normalisation without an activation} */
  public BatchNormSpec withoutActivation() {
    return new BatchNormSpec(eps, momentum, Activation.NONE);
  }
}
