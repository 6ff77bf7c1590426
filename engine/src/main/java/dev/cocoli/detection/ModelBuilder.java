package dev.cocoli.detection;

import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.structures.CocoField;
import java.util.List;

/**
 * Builds a model, and says which hyper-parameters it has. {@link Models} has the builders of this
 * library; a program may have its own.
 */
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

  /**
   * {@return the default hyper-parameters; weights files and runs are read with these where they do
   * not say otherwise. A builder with hyper-parameters of its own returns them here ({@link
   * RcnnConfig#withOwn})}
   */
  default RcnnConfig defaults() {
    return RcnnConfig.DEFAULT;
  }

  /**
   * {@return the fields of COCO files that training reads and detection writes besides boxes: one
   * for each part of objects that the model learns}
   */
  default List<CocoField<?>> fields() {
    return List.of();
  }

  /**
   * {@return whether a hyper-parameter means something to the model}
   *
   * @param hyperparameter its name
   */
  default boolean uses(String hyperparameter) {
    return true;
  }
}
