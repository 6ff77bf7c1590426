package dev.cocoli.train.parallel;

import dev.cocoli.detection.TransferReport;
import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingPlan;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Brings what the other replicas of a process have to say to the listener, on the thread of the
 * first one, which is the only one that the listener knows. What two say is told once.
 */
final class RelayedMessages implements TrainingListener {
  private final TrainingListener listener;
  private final Queue<String> waiting = new ConcurrentLinkedQueue<>();
  private final Set<String> told = ConcurrentHashMap.newKeySet();
  private volatile double stepSeconds;

  RelayedMessages(TrainingListener listener) {
    this.listener = listener;
  }

  /**
   * {@return a listener for a replica that is not the first of the run}
   *
   * @param isFirstHere whether it is the first of this process, and tells what the others say
   */
  TrainingListener ofOthers(boolean isFirstHere) {
    return new TrainingListener() {
      @Override
      public void message(String text) {
        waiting.add(text);
        if (isFirstHere) {
          relay();
        }
      }

      @Override
      public void stepDone(StepReport report) {
        stepSeconds = report.seconds();
        if (isFirstHere) {
          relay();
        }
      }
    };
  }

  /** {@return the duration of the last step; 0 before the first} */
  double stepSeconds() {
    return stepSeconds;
  }

  /** Tells what waits to be told. */
  void relay() {
    for (String text = waiting.poll(); text != null; text = waiting.poll()) {
      message(text);
    }
  }

  @Override
  public void started(TrainingPlan plan) {
    listener.started(plan);
    relay();
  }

  @Override
  public void stepDone(StepReport report) {
    stepSeconds = report.seconds();
    listener.stepDone(report);
    relay();
  }

  @Override
  public void transferred(TransferReport report) {
    listener.transferred(report);
  }

  @Override
  public void evaluating(int done, int total) {
    listener.evaluating(done, total);
  }

  @Override
  public void stage(String name, int done, int total) {
    listener.stage(name, done, total);
  }

  @Override
  public void evaluated(EvaluationReport report) {
    listener.evaluated(report);
    relay();
  }

  @Override
  public void checkpointWritten(long step) {
    listener.checkpointWritten(step);
  }

  @Override
  public void message(String text) {
    if (told.add(text)) {
      listener.message(text);
    }
  }
}
