package dev.cocoli.train;

import dev.cocoli.structures.Count;
import dev.cocoli.train.checkpoint.Checkpoint;
import dev.cocoli.train.checkpoint.RunRecord;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** The checkpoints of a run: when one is due, and what the last one holds. */
final class Checkpoints {
  private final CheckpointConfig config;
  private final RunRecord record;
  private final long firstStep;
  private long savedStep;
  private long savedNanos = System.nanoTime();
  private boolean isSaving;

  /**
   * Begins with what was saved before.
   *
   * @param config when checkpoints are due
   * @param record where they are kept
   * @param step the steps that the run begins with
   */
  Checkpoints(CheckpointConfig config, RunRecord record, long step) {
    this.config = config;
    this.record = record;
    firstStep = step;
    savedStep = step;
  }

  /** The end of an epoch has its own checkpoint, after the evaluation. */
  boolean isDue(Progress progress) {
    Duration sinceSaved = Duration.ofNanos(System.nanoTime() - savedNanos);
    return config.steps().isPresent() && progress.step() - savedStep >= config.steps().getAsInt()
        || sinceSaved.compareTo(config.interval()) >= 0;
  }

  /** Whether the last one lacks steps that are done. */
  boolean isBehind(Progress progress) {
    return progress.step() > savedStep;
  }

  /** Whether the last one was begun, and failed. */
  boolean hasFailed() {
    return isSaving;
  }

  /** Writes one; returns how far the run is, with the length of the metrics. */
  Progress save(Progress progress, Checkpoint.Rank rank) {
    isSaving = true;
    Progress saved = record.save(progress, rank);
    isSaving = false;
    savedStep = saved.step();
    savedNanos = System.nanoTime();
    return saved;
  }

  /** Returns where a run that failed can go on, in words; nothing if it had not done a step. */
  Optional<String> whereToResume(Progress progress, Path folder) {
    if (progress.step() == firstStep) {
      return Optional.empty();
    }
    String failed = "the run failed after " + new Count(progress.step(), "step");
    return Optional.of(
        savedStep == 0
            ? failed + ", without a checkpoint"
            : "%s; its last checkpoint, in %s, is of step %,d"
                .formatted(failed, folder, savedStep));
  }
}
