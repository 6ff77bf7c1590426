package dev.cocoli.cli.terminal;

import dev.cocoli.detection.TransferReport;
import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingPlan;
import java.io.PrintWriter;

/** What bar and lines print alike. */
public abstract class TrainingText implements TrainingListener {
  /** For results. */
  final PrintWriter out;

  private final PrintWriter err;

  /** The plan of the run, once it has started. */
  TrainingPlan plan;

  TrainingText(PrintWriter out, PrintWriter err) {
    this.out = out;
    this.err = err;
  }

  /** Returns the plan of the run; null if it has not started. */
  public final TrainingPlan plan() {
    return plan;
  }

  @Override
  public void transferred(TransferReport report) {
    report.lines().forEach(out::println);
  }

  @Override
  public void started(TrainingPlan plan) {
    this.plan = plan;
    out.println(TrainingWords.plan(plan));
  }

  @Override
  public void evaluated(EvaluationReport report) {
    out.println(TrainingWords.evaluation(report));
  }

  @Override
  public void message(String text) {
    err.println("cocoli: " + text);
  }
}
