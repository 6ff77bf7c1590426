package dev.cocoli.cli.terminal;

import java.io.Console;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;

/** Checks whether there is a terminal, and how wide it is. */
public final class Terminal {
  private static final int USUAL_COLUMNS = 80;

  private Terminal() {}

  /** Returns whether there is a terminal on which a line can be drawn anew. */
  public static boolean isInteractive() {
    Console console = System.console();
    return console != null && console.isTerminal() && !"dumb".equals(System.getenv("TERM"));
  }

  /**
   * Returns the width of the terminal: what stty reports, or COLUMNS, or 80. No library is used,
   * because those that manage a terminal also take over its signals, so that Ctrl-C would end a run
   * without a checkpoint.
   */
  public static int columns() {
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(Redirect.INHERIT)
              .redirectError(Redirect.DISCARD)
              .start();
      byte[] size = stty.getInputStream().readAllBytes(); // rows and columns
      int columns = number(new String(size, StandardCharsets.US_ASCII).replaceFirst(".* ", ""));
      return columns > 0 ? columns : usualColumns();
    } catch (IOException e) { // there is no stty
      return usualColumns();
    }
  }

  /** Returns the width for text that is read: what the user set as COLUMNS, else the terminal's. */
  public static int textColumns() {
    int columns = number(System.getenv("COLUMNS"));
    return columns > 0 ? columns : columns();
  }

  private static int usualColumns() {
    int columns = number(System.getenv("COLUMNS"));
    return columns > 0 ? columns : USUAL_COLUMNS;
  }

  private static int number(String text) {
    return text != null && text.strip().matches("\\d{1,5}") ? Integer.parseInt(text.strip()) : 0;
  }
}
