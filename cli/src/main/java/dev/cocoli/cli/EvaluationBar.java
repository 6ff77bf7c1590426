package dev.cocoli.cli;

import me.tongfei.progressbar.ProgressBar;

/** Shows the progress of an evaluation if there is a terminal. */
final class EvaluationBar implements AutoCloseable {
  private final ProgressBar bar;

  private EvaluationBar(ProgressBar bar) {
    this.bar = bar;
  }

  static EvaluationBar of(int images) {
    return new EvaluationBar(
        Terminal.isInteractive() ? Terminal.bar("evaluating", 0, images).build() : null);
  }

  void step() {
    if (bar != null) {
      bar.step();
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
