package dev.cocoli.cli.terminal;

import dev.cocoli.detection.LossValues;
import dev.cocoli.structures.Count;
import dev.cocoli.train.StepReport;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.stream.Collectors;

/** Tells how a run goes in lines, for files and pipes. */
public class TrainingLines extends TrainingText {
  /** Images from line to line of a stage after the steps. */
  private static final int STAGE_EVERY = 50;

  private final int every;
  private int steps;
  private double seconds;
  private double wait;

  /**
   * Prepares it.
   *
   * @param every steps from line to line
   * @param out for the lines
   * @param err for warnings
   */
  public TrainingLines(int every, PrintWriter out, PrintWriter err) {
    super(out, err);
    this.every = every;
  }

  @Override
  public void stepDone(StepReport report) {
    steps++;
    seconds += report.seconds();
    wait += report.dataWaitSeconds();
    boolean isFirst = report.step() == plan.firstStep() + 1;
    if (!isFirst && report.step() % every != 0 && report.step() != plan.totalSteps()) {
      return;
    }
    LossValues losses = report.losses();
    out.printf(
        Locale.ROOT,
        "step %d of %d  epoch %d  loss %.4f (%s)  lr %.3g  %.3f s per step  data wait %.3f s  left"
            + " %s%n",
        report.step(),
        plan.totalSteps(),
        report.epoch(),
        losses.total(),
        parts(losses),
        report.learningRate(),
        seconds / steps,
        wait / steps,
        TrainingWords.duration(seconds / steps * (plan.totalSteps() - report.step())));
    steps = 0;
    seconds = 0;
    wait = 0;
  }

  /** Each loss without the word that all their names begin with. */
  private static String parts(LossValues losses) {
    return losses.byName().entrySet().stream()
        .map(
            loss ->
                String.format(
                    Locale.ROOT,
                    "%s %.4f",
                    loss.getKey().replaceFirst("^loss_", "").replace('_', ' '),
                    loss.getValue()))
        .collect(Collectors.joining(", "));
  }

  @Override
  public void stage(String name, int done, int total) {
    if (done % STAGE_EVERY == 0 || done == total) {
      out.printf("%s: %,d of %s%n", name, done, new Count(total, "image"));
    }
  }
}
