package dev.cocoli.detection;

import dev.cocoli.detection.config.RcnnConfig;

/** Builds a model. {@link Models} has those of this library; a program may have its own. */
@FunctionalInterface
public interface ModelBuilder {
  /**
   * {@return the model, without memory; the same layers whenever it is asked with the same
   * arguments}
   *
   * @param config hyper-parameters, of which it takes those that it has a use for
   * @param classes K, the background included
   * @throws IllegalArgumentException if there is no such model
   */
  DetectionModel build(RcnnConfig config, int classes);
}
