package dev.cocoli.cli.terminal;

import dev.cocoli.structures.Count;
import java.io.PrintWriter;
import java.util.Optional;

/**
 * Shows how many images of a task are done: a bar on a terminal, a line every half minute
 * elsewhere, so that a log stays short. A task of one image shows nothing.
 */
public final class ImagesBar implements AutoCloseable {
  private static final long LINE_NANOS = 30_000_000_000L;

  private final String task;
  private final int total;
  private final PrintWriter out;
  private final Optional<ProgressLine> line;
  private final Thread hook = new Thread(this::leave, "leave the bar");
  private final long began = System.nanoTime();
  private final long lineNanos;
  private long printedAt = began;
  private int done;

  /**
   * Shows that no image is done.
   *
   * @param task the task in a short word
   * @param total the number of all images
   * @param out for the bar or the lines
   */
  public ImagesBar(String task, int total, PrintWriter out) {
    this(task, total, out, LINE_NANOS);
  }

  ImagesBar(String task, int total, PrintWriter out, long lineNanos) {
    this.task = task;
    this.total = total;
    this.out = out;
    this.lineNanos = lineNanos;
    this.line =
        total > 1 && Terminal.isInteractive()
            ? Optional.of(new ProgressLine(out, Terminal.columns()))
            : Optional.empty();
    if (line.isPresent()) {
      Runtime.getRuntime().addShutdownHook(hook); // what the shell prints then has its own line
      line.get().show(task, 0, total);
    }
  }

  /** Returns a writer whose lines stay above the bar. */
  public PrintWriter above(PrintWriter target) {
    return line.map(shown -> shown.above(target)).orElse(target);
  }

  /** Counts an image. */
  public synchronized void step() {
    done++;
    long now = System.nanoTime();
    double seconds = (now - began) / 1e9;
    String left = TrainingWords.duration(seconds / done * (total - done)) + " left";
    String rate = TrainingWords.rate(seconds / done);
    if (line.isPresent()) {
      line.get().show(task, done, total, left, rate);
    } else if (now - printedAt > lineNanos && done < total) {
      printedAt = now;
      out.printf("%s: %,d of %s, %s, %s%n", task, done, new Count(total, "image"), left, rate);
    }
  }

  private void leave() {
    line.ifPresent(ProgressLine::close);
  }

  @Override
  public void close() {
    leave();
    if (line.isPresent()) {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        return; // the shutdown is in progress, and left the bar
      }
    }
  }
}
