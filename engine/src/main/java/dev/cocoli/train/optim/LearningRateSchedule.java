package dev.cocoli.train.optim;

import java.util.Map;

/**
 * The learning rate over a run, as a part of the full rate. A schedule is a value: its settings.
 */
public interface LearningRateSchedule {

  /** {@return what it is, in a word, such as {@code steps}; {@code config.json} has it} */
  String name();

  /**
   * {@return what it is set to, by name: numbers, words or lists as JSON writes them. {@code
   * config.json} keeps it, and a run is resumed only with the same}
   */
  default Map<String, String> settings() {
    return Map.of();
  }

  /**
   * {@return how many steps at the beginning of a run have a rate that rises; for the record}
   *
   * @param totalSteps steps of the whole run
   */
  default long warmupSteps(long totalSteps) {
    return 0;
  }

  /**
   * {@return what the full rate is multiplied by in a step}
   *
   * @param step from 0
   * @param totalSteps steps of the whole run
   */
  double factorAt(long step, long totalSteps);
}
