package dev.cocoli.train.optim;

import dev.cocoli.nn.ParameterArena;
import java.util.List;
import java.util.Map;

/**
 * Moves the parameters of a model by their gradients. An optimizer is a value: its settings. What
 * it remembers from step to step lies in the {@link ParameterArena}, so that a checkpoint holds it
 * and every replica has the same.
 */
public interface Optimizer {

  /** {@return what it is, in a word, such as {@code sgd}; {@code config.json} has it} */
  String name();

  /**
   * {@return what it is set to, by name: numbers, words or lists as JSON writes them. {@code
   * config.json} keeps it, and a run is resumed only with the same}
   */
  default Map<String, String> settings() {
    return Map.of();
  }

  /**
   * {@return the names of what it remembers, such as {@code velocity}: each stands for one number
   * per parameter element, 0 at first, and for the prefix of its tensors in {@code
   * state.safetensors}. Letters, digits and underscores, each name once; {@code model} is taken}
   */
  List<String> stateNames();

  /**
   * Updates all parameters at once, on the thread that drives the device.
   *
   * @param parameters values and states, updated, and gradients, clipped already where that was
   *     asked for; all {@code [P]}
   * @param learningRate of this step
   * @param step how many updates the run has had before this one
   */
  void update(ParameterArena parameters, double learningRate, long step);
}
