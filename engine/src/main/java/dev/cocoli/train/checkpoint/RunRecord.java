package dev.cocoli.train.checkpoint;

import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.Progress;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.StepTimes;
import dev.cocoli.train.TrainingListener;

/**
 * What is kept of a run: metrics and checkpoints. The first replica writes them; the others keep
 * nothing, as the methods do unless overridden.
 */
public interface RunRecord {
  /** Keeps nothing. */
  RunRecord NONE = new RunRecord() {};

  /**
   * Notes a step.
   *
   * @param report the step
   * @param times of the steps since the last that was noted
   */
  default void step(StepReport report, StepTimes times) {}

  /**
   * Notes an evaluation.
   *
   * @param report the evaluation
   */
  default void evaluation(EvaluationReport report) {}

  /**
   * Writes a checkpoint.
   *
   * @param progress how far the run is
   * @param rank whether to write the best weights too
   * @return how far the run is, with the length of the metrics
   */
  default Progress save(Progress progress, Checkpoint.Rank rank) {
    return progress;
  }

  /**
   * Writes to the run folder.
   *
   * @param metrics where metrics go
   * @param checkpoint where the state goes
   * @param listener told of checkpoints
   */
  record Written(MetricsLog metrics, Checkpoint checkpoint, TrainingListener listener)
      implements RunRecord {
    @Override
    public void step(StepReport report, StepTimes times) {
      try (Uninterrupted _ = new Uninterrupted()) {
        metrics.step(report, times);
      }
    }

    @Override
    public void evaluation(EvaluationReport report) {
      try (Uninterrupted _ = new Uninterrupted()) {
        metrics.evaluation(report);
      }
    }

    @Override
    public Progress save(Progress progress, Checkpoint.Rank rank) {
      Progress saved;
      try (Uninterrupted _ = new Uninterrupted()) {
        saved = progress.withMetricsBytes(metrics.force());
        checkpoint.save(saved, rank);
      }
      listener.checkpointWritten(saved.step());
      return saved;
    }
  }
}
