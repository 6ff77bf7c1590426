package dev.cocoli.cli.terminal;

import dev.cocoli.structures.Count;
import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.TrainingPlan;
import java.util.Locale;

/** What bar and lines say alike. */
public final class TrainingWords {
  private TrainingWords() {}

  static String plan(TrainingPlan plan) {
    String scored =
        plan.validationImages() == 0
            ? "no images to score on"
            : "scored on " + new Count(plan.validationImages(), "image");
    return String.format(
        Locale.ROOT,
        "training %.1f million parameters: %s of %s, %s%s",
        plan.trainedElements() / 1e6,
        new Count(plan.epochs(), "epoch"),
        new Count(plan.stepsPerEpoch(), "step"),
        scored,
        plan.firstStep() == 0
            ? ""
            : String.format(Locale.ROOT, ", from step %,d on", plan.firstStep()));
  }

  static String evaluation(EvaluationReport report) {
    return String.format(
        Locale.ROOT,
        "epoch %d: AP %.3f, AP50 %.3f, AP75 %.3f%s%s (%s)",
        report.epoch(),
        report.metrics().ap(),
        report.metrics().ap50(),
        report.metrics().ap75(),
        report.metrics().ap() < 0 ? ": no object is marked there" : "",
        report.isBest() ? ", the best so far" : "",
        duration(report.seconds()));
  }

  /** Returns how fast items are done: so many per second, or seconds for each. */
  static String rate(double secondsOfEach) {
    return secondsOfEach < 1
        ? String.format(Locale.ROOT, "%.1f/s", 1 / secondsOfEach)
        : String.format(Locale.ROOT, "%.1f s each", secondsOfEach);
  }

  /** Returns a time as people write it, 1:02:03 or 2:03. */
  public static String duration(double seconds) {
    long whole = Math.round(seconds);
    return whole >= 3600
        ? String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60);
  }
}
