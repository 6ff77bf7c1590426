package dev.cocoli.train;

import dev.cocoli.structures.Count;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How a run ended.
 *
 * @param outcome why it ended
 * @param step how many steps are done
 * @param totalSteps of how many
 * @param bestAp the highest AP of an evaluation
 * @param bestEpoch the epoch of that, from 1; 0 without an evaluation
 * @param lastWeights the weights after the last step
 * @param bestWeights those with the highest AP
 */
public record TrainingResult(
    Outcome outcome,
    long step,
    long totalSteps,
    OptionalDouble bestAp,
    int bestEpoch,
    Path lastWeights,
    Optional<Path> bestWeights) {

  /** Why a run ended. */
  public enum Outcome {
    /** All epochs are done. */
    COMPLETED,
    /** AP had not risen for as many evaluations as the user has patience for. */
    STOPPED_EARLY,
    /** Someone asked it to stop; it can be resumed. */
    STOP_REQUESTED
  }

  /** {@return one line: what was done, and how to go on where there is more to do} */
  public String summary() {
    String done = String.format(Locale.ROOT, "%,d of %s", step, new Count(totalSteps, "step"));
    return switch (outcome) {
      case COMPLETED -> "trained " + done + bestInWords();
      case STOPPED_EARLY -> "stopped after " + done + ": AP does not rise any more" + bestInWords();
      case STOP_REQUESTED ->
          "stopped after %s; resume the run in %s to go on"
              .formatted(done, lastWeights.toAbsolutePath().getParent());
    };
  }

  private String bestInWords() {
    return bestAp.isPresent() && bestAp.getAsDouble() >= 0 // -1 where no object is marked
        ? String.format(
            Locale.ROOT, "; best AP %.3f after epoch %d", bestAp.getAsDouble(), bestEpoch)
        : "";
  }
}
