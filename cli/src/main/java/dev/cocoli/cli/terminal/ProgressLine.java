package dev.cocoli.cli.terminal;

import java.io.PrintWriter;
import java.io.Writer;
import java.util.Locale;

/**
 * The last line of a terminal, which shows how far a task is. What is printed through {@link
 * #above} takes its place and stays; the line is drawn again below. Any thread may print.
 */
public final class ProgressLine implements AutoCloseable {
  private static final String CLEAR = "\r\u001b[K";
  private static final long REDRAW_NANOS = 100_000_000;
  private static final int NARROWEST_BAR = 10;
  private static final int WIDEST_BAR = 60;

  private final PrintWriter screen;
  private final int columns;
  private String line = "";
  private long drawnAt;
  private boolean closed;

  /**
   * Prepares it; nothing is drawn yet.
   *
   * @param screen writes to the terminal
   * @param columns the width of the terminal
   */
  public ProgressLine(PrintWriter screen, int columns) {
    this.screen = screen;
    this.columns = columns;
  }

  /**
   * Shows how far a task is; at most ten times per second, because a terminal may be slow.
   *
   * @param task the task in a short word
   * @param done the number of items done
   * @param total the number of all items
   * @param facts more to say, the most important first; those that have no room are left out
   */
  synchronized void show(String task, long done, long total, String... facts) {
    if (closed) {
      return;
    }
    boolean first = line.isEmpty();
    line = render(task, done, total, facts);
    if (first || done == total || System.nanoTime() - drawnAt > REDRAW_NANOS) {
      draw();
    }
  }

  private String render(String task, long done, long total, String... facts) {
    int room = columns - 1; // some terminals wrap after their last column
    String head = task + " [";
    StringBuilder tail = new StringBuilder(String.format(Locale.ROOT, "] %d/%d", done, total));
    for (String fact : facts) {
      if (head.length() + NARROWEST_BAR + tail.length() + 2 + fact.length() > room) {
        break;
      }
      tail.append("  ").append(fact);
    }
    int width = Math.clamp(room - head.length() - tail.length(), 0, WIDEST_BAR);
    int full = (int) (width * done / Math.max(1, total));
    String bar = "=".repeat(full) + (full < width ? ">" : "");
    String text = head + bar + " ".repeat(width - bar.length()) + tail;
    return text.substring(0, Math.clamp(room, 0, text.length()));
  }

  private void draw() {
    screen.print(CLEAR + line);
    screen.flush();
    drawnAt = System.nanoTime();
  }

  /**
   * Returns a writer whose lines stay on the terminal above this one.
   *
   * @param target receives the lines; it may be a file
   */
  public PrintWriter above(PrintWriter target) {
    return new TerminalWriter(new LinesAbove(target));
  }

  private synchronized void print(PrintWriter target, String text) {
    if (!line.isEmpty()) {
      screen.print(CLEAR);
      screen.flush();
    }
    target.print(text);
    target.flush();
    if (!line.isEmpty()) {
      draw();
    }
  }

  /** Leaves the line as it is; what is printed next follows below. */
  @Override
  public synchronized void close() {
    closed = true;
    if (!line.isEmpty()) {
      draw();
      screen.println();
      line = "";
    }
  }

  /** Hands on whole lines only. */
  private final class LinesAbove extends Writer {
    private final PrintWriter target;
    private final StringBuilder begun = new StringBuilder();

    LinesAbove(PrintWriter target) {
      this.target = target;
    }

    @Override
    public void write(char[] text, int from, int count) {
      begun.append(text, from, count);
    }

    @Override
    public void flush() {
      int end = begun.lastIndexOf("\n") + 1;
      if (end > 0) {
        print(target, begun.substring(0, end));
        begun.delete(0, end);
      }
    }

    @Override
    public void close() {
      print(target, begun.toString());
    }
  }
}
