package dev.cocoli.cli;

import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingPlan;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.UnaryOperator;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** Tells how a run goes by a bar on a terminal: rate, loss, wait for data, time left. */
final class TrainingBar implements TrainingListener, AutoCloseable {
  /** Clears the line that the bar is on; it is drawn again below. */
  private static final String CLEAR_LINE = "\r\u001b[K";

  /** How much of a mean is older than the last step. */
  private static final double MEMORY = 0.9;

  private final PrintWriter out;
  private final UnaryOperator<ProgressBarBuilder> display;
  private ProgressBar bar;
  private double loss = Double.NaN;
  private double wait;

  TrainingBar(PrintWriter out) {
    this(out, UnaryOperator.identity());
  }

  /**
   * Prepares it.
   *
   * @param out for the lines between
   * @param display where and how the bar is shown
   */
  TrainingBar(PrintWriter out, UnaryOperator<ProgressBarBuilder> display) {
    this.out = out;
    this.display = display;
  }

  @Override
  public void started(TrainingPlan plan) {
    out.println(TrainingWords.plan(plan));
    bar = display.apply(Terminal.bar("train", plan.firstStep(), plan.totalSteps())).build();
  }

  @Override
  public void stepDone(StepReport report) {
    double now = report.losses().total();
    loss = Double.isNaN(loss) ? now : MEMORY * loss + (1 - MEMORY) * now;
    wait = MEMORY * wait + (1 - MEMORY) * report.dataWaitSeconds() / report.seconds();
    bar.step();
    bar.setExtraMessage(
        String.format(
            Locale.ROOT,
            " loss %.3f, data wait %.0f%%, epoch %d", // cut at the right where there is no room
            loss,
            100 * wait,
            report.epoch()));
  }

  @Override
  public void evaluating(int done, int total) {
    bar.setExtraMessage(" evaluating " + done + " of " + total);
  }

  @Override
  public void stage(String name, int done, int total) {
    bar.setExtraMessage(name + ", " + done + " of " + total);
  }

  @Override
  public void evaluated(EvaluationReport report) {
    line(TrainingWords.evaluation(report));
  }

  @Override
  public void message(String text) {
    line("cocoli: " + text);
  }

  private void line(String text) {
    out.print(
        (bar == null ? "" : CLEAR_LINE) + TerminalWriter.escape(text) + System.lineSeparator());
    out.flush();
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
