package dev.cocoli.cli.terminal;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;

/** Shows how many images of a task are done; without a terminal it shows nothing. */
public final class ImagesBar implements AutoCloseable {
  private final String task;
  private final int total;
  private final Optional<ProgressLine> line;
  private final long began = System.nanoTime();
  private int done;

  /**
   * Shows that no image is done.
   *
   * @param task the task in a short word
   * @param total the number of all images
   * @param out standard output
   */
  public ImagesBar(String task, int total, PrintWriter out) {
    this.task = task;
    this.total = total;
    this.line =
        Terminal.isInteractive()
            ? Optional.of(new ProgressLine(out, Terminal.columns()))
            : Optional.empty();
    line.ifPresent(shown -> shown.show(task, 0, total));
  }

  /** Returns a writer whose lines stay above the bar. */
  public PrintWriter above(PrintWriter target) {
    return line.map(shown -> shown.above(target)).orElse(target);
  }

  /** Counts an image. */
  public synchronized void step() {
    done++;
    double seconds = (System.nanoTime() - began) / 1e9;
    line.ifPresent(
        shown ->
            shown.show(
                task,
                done,
                total,
                TrainingWords.duration(seconds / done * (total - done)) + " left",
                String.format(Locale.ROOT, "%.1f/s", done / seconds)));
  }

  @Override
  public void close() {
    line.ifPresent(ProgressLine::close);
  }
}
