package dev.cocoli.cli.terminal;

import dev.cocoli.train.StepReport;
import dev.cocoli.train.TrainingPlan;
import java.io.PrintWriter;
import java.util.Locale;

/** Shows a run on a terminal: epoch, time left, loss, rate, wait for data. */
public final class TrainingBar extends TrainingText {
  /** How much of a mean is older than the last step. */
  private static final double MEMORY = 0.9;

  private final ProgressLine line;
  private String epoch;
  private double loss = Double.NaN;
  private double seconds = Double.NaN;
  private double wait;

  /**
   * Prepares it.
   *
   * @param line the line that shows the run
   * @param out for results, above the line
   * @param err for warnings, above the line
   */
  public TrainingBar(ProgressLine line, PrintWriter out, PrintWriter err) {
    super(out, err);
    this.line = line;
  }

  @Override
  public void started(TrainingPlan plan) {
    super.started(plan);
    name(Math.min(plan.epochs(), plan.firstStep() / plan.stepsPerEpoch() + 1));
    line.show(epoch, plan.firstStep(), plan.totalSteps());
  }

  private void name(long number) {
    epoch = "epoch " + number + "/" + plan.epochs();
  }

  @Override
  public void stepDone(StepReport report) {
    loss = mean(loss, report.losses().total());
    seconds = mean(seconds, report.seconds());
    wait = mean(wait, report.dataWaitSeconds() / report.seconds());
    name(report.epoch());
    line.show(
        epoch,
        report.step(),
        plan.totalSteps(),
        TrainingWords.duration(seconds * (plan.totalSteps() - report.step())) + " left",
        String.format(Locale.ROOT, "loss %.3f", loss),
        TrainingWords.rate(seconds),
        String.format(Locale.ROOT, "data wait %.0f%%", 100 * wait));
  }

  /** Returns the mean with another value; the value if there was none before. */
  private static double mean(double before, double value) {
    return Double.isNaN(before) ? value : MEMORY * before + (1 - MEMORY) * value;
  }

  @Override
  public void evaluating(int done, int total) {
    line.show(epoch + " evaluating", done, total);
  }

  @Override
  public void stage(String name, int done, int total) {
    line.show(name, done, total);
  }
}
