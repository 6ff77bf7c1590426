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
   * @throws IllegalArgumentException if a number is missing, none or impossible; the message names
   *     it
   */
  public static Progress fromMetadata(Map<String, String> metadata) {
    return fromMetadata(metadata, Long.MAX_VALUE, 1);
  }

  /**
   * The opposite of {@link #toMetadata}, within a plan.
   *
   * @param metadata the strings
   * @param totalSteps the most steps that can be done
   * @param stepsPerEpoch how many of them make an epoch
   * @return the progress
   * @throws IllegalArgumentException if a number is missing, none or does not fit the plan; the
   *     message names it
   */
  public static Progress fromMetadata(
      Map<String, String> metadata, long totalSteps, int stepsPerEpoch) {
    long step = count(metadata, "step", totalSteps);
    long epochs = Math.min(step / stepsPerEpoch, Integer.MAX_VALUE);
    int evaluated = (int) count(metadata, "evaluated_epochs", epochs);
    int bestEpoch = (int) count(metadata, "best_epoch", evaluated);
    return new Progress(
        step,
        evaluated,
        bestAp(metadata),
        bestEpoch,
        (int) count(metadata, "evaluations_since_best", evaluated - bestEpoch),
        count(metadata, "metrics_bytes", Long.MAX_VALUE));
  }

  private static long count(Map<String, String> metadata, String name, long most) {
    String text = metadata.get(PREFIX + name);
    String wanted = "a number from 0 to " + most;
    try {
      long value = Long.parseLong(text);
      if (0 <= value && value <= most) {
        return value;
      }
      throw impossible(name, text, wanted);
    } catch (NumberFormatException e) {
      throw impossible(name, text, wanted);
    }
  }

  /** COCO's AP is -1 where there is no ground truth. */
  private static OptionalDouble bestAp(Map<String, String> metadata) {
    String text = metadata.get(PREFIX + "best_ap");
    if (text == null) {
      return OptionalDouble.empty();
    }
    String wanted = "a number from -1 to 1";
    try {
      double ap = Double.parseDouble(text);
      if (-1 <= ap && ap <= 1) {
        return OptionalDouble.of(ap);
      }
      throw impossible("best_ap", text, wanted);
    } catch (NumberFormatException e) {
      throw impossible("best_ap", text, wanted);
    }
  }

  private static IllegalArgumentException impossible(String name, String text, String wanted) {
    return new IllegalArgumentException(
        "its %s%s is %s, not %s".formatted(PREFIX, name, text, wanted));
  }
}
