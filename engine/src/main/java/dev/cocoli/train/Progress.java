package dev.cocoli.train;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * How far a run is. With the weights, the velocities and the settings this is all that it takes to
 * go on: order, flips and samples follow from the seed and the step.
 *
 * @param step steps done
 * @param evaluatedEpochs epochs done at the last evaluation; 0 before the first
 * @param bestAp the highest AP so far
 * @param bestEpoch epochs done when that was reached; 0 without an evaluation
 * @param evaluationsSinceBest evaluations since then
 * @param metricsBytes length of the metrics that belong to these steps
 */
public record Progress(
    long step,
    int evaluatedEpochs,
    OptionalDouble bestAp,
    int bestEpoch,
    int evaluationsSinceBest,
    long metricsBytes) {
  private static final String PREFIX = "cocoli.run.";

  /** Nothing is done. */
  static final Progress START = new Progress(0, 0, OptionalDouble.empty(), 0, 0, 0);

  Progress afterStep() {
    return new Progress(
        step + 1, evaluatedEpochs, bestAp, bestEpoch, evaluationsSinceBest, metricsBytes);
  }

  boolean isBetter(double ap) {
    return bestAp.isEmpty() || ap > bestAp.getAsDouble();
  }

  Progress afterEvaluation(int epochs, double ap) {
    return isBetter(ap)
        ? new Progress(step, epochs, OptionalDouble.of(ap), epochs, 0, metricsBytes)
        : new Progress(step, epochs, bestAp, bestEpoch, evaluationsSinceBest + 1, metricsBytes);
  }

  /**
   * Returns this progress with another length of the metrics log.
   *
   * @param bytes the length
   * @return the copy
   */
  public Progress withMetricsBytes(long bytes) {
    return new Progress(step, evaluatedEpochs, bestAp, bestEpoch, evaluationsSinceBest, bytes);
  }

  /**
   * Strings for a file's metadata; a double's string leads back to that very double.
   *
   * @return the strings
   */
  public Map<String, String> toMetadata() {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(PREFIX + "step", Long.toString(step));
    metadata.put(PREFIX + "evaluated_epochs", Integer.toString(evaluatedEpochs));
    bestAp.ifPresent(ap -> metadata.put(PREFIX + "best_ap", Double.toString(ap)));
    metadata.put(PREFIX + "best_epoch", Integer.toString(bestEpoch));
    metadata.put(PREFIX + "evaluations_since_best", Integer.toString(evaluationsSinceBest));
    metadata.put(PREFIX + "metrics_bytes", Long.toString(metricsBytes));
    return metadata;
  }

  /**
   * The opposite of {@link #toMetadata}.
   *
   * @param metadata the strings
   * @return the progress
   * @throws NumberFormatException if a number is missing or none
   */
  public static Progress fromMetadata(Map<String, String> metadata) {
    String bestAp = metadata.get(PREFIX + "best_ap");
    return new Progress(
        Long.parseLong(metadata.get(PREFIX + "step")),
        Integer.parseInt(metadata.get(PREFIX + "evaluated_epochs")),
        bestAp == null ? OptionalDouble.empty() : OptionalDouble.of(Double.parseDouble(bestAp)),
        Integer.parseInt(metadata.get(PREFIX + "best_epoch")),
        Integer.parseInt(metadata.get(PREFIX + "evaluations_since_best")),
        Long.parseLong(metadata.get(PREFIX + "metrics_bytes")));
  }
}
