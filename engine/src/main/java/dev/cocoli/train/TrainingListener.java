package dev.cocoli.train;

import dev.cocoli.detection.TransferReport;

/**
 * Is told how a run goes, on the thread that trains; what it throws ends the run. Every method does
 * nothing unless overridden.
 */
public interface TrainingListener {
  /** Listens to nothing. */
  TrainingListener NONE = new TrainingListener() {};

  /**
   * The run is about to take its first step, or its first after it was resumed.
   *
   * @param plan what it will do
   */
  default void started(TrainingPlan plan) {}

  /**
   * The model has taken its first weights from a detector with other classes.
   *
   * @param report what it took, and what is new
   */
  default void transferred(TransferReport report) {}

  /**
   * A step is done.
   *
   * @param report what it did
   */
  default void stepDone(StepReport report) {}

  /**
   * Some of the validation images are done.
   *
   * @param done how many
   * @param total of how many
   */
  default void evaluating(int done, int total) {}

  /**
   * A stage after the steps is under way; only R-CNN has such.
   *
   * @param name what it computes
   * @param done how many training images are done
   * @param total of how many
   */
  default void stage(String name, int done, int total) {}

  /**
   * An evaluation is done.
   *
   * @param report what it found
   */
  default void evaluated(EvaluationReport report) {}

  /**
   * A checkpoint is on the disk: from here the run can go on.
   *
   * @param step how many steps it holds
   */
  default void checkpointWritten(long step) {}

  /**
   * Something that the user should know, in one line.
   *
   * @param text the line
   */
  default void message(String text) {}
}
