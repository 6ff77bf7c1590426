package dev.cocoli.report;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A line of {@code metrics.jsonl} about one training step; NaN where the line has no number.
 *
 * @param step the step, from 1
 * @param losses the model's losses, each under its name, which begins with {@code loss_}
 * @param loss their sum
 * @param lr the learning rate
 * @param seconds the duration of the step
 * @param dataWaitSeconds the part of it spent waiting for images
 */
public record StepMetrics(
    long step,
    Map<String, Double> losses,
    double loss,
    double lr,
    double seconds,
    double dataWaitSeconds) {

  /** Copies the losses. */
  public StepMetrics {
    losses = Collections.unmodifiableMap(new LinkedHashMap<>(losses));
  }
}
