package dev.cocoli.cli.terminal;

import java.io.PrintWriter;
import java.io.Writer;
import java.util.Arrays;
import java.util.Locale;

/**
 * The writer of all commands, which escapes control characters: a name or a message from outside
 * can neither reach the terminal as a command nor forge a line. It escapes the text of {@code
 * println} and the arguments of {@code printf}; {@code print} passes on what it is given.
 */
public final class TerminalWriter extends PrintWriter {
  public TerminalWriter(Writer out) {
    super(out, true);
  }

  /**
   * Returns a text that is one line of visible characters: a newline becomes {@code \n}, another
   * control character or one that changes the direction of the text its code. A tab stays.
   */
  static String escape(String text) {
    if (text.chars().noneMatch(TerminalWriter::isControl)) {
      return text;
    }
    StringBuilder escaped = new StringBuilder();
    for (char c : text.toCharArray()) {
      if (c == '\n') {
        escaped.append("\\n");
      } else if (isControl(c)) {
        escaped.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        escaped.append(c);
      }
    }
    return escaped.toString();
  }

  private static boolean isControl(int c) {
    return Character.isISOControl(c) && c != '\t'
        || c >= 0x2028 && c <= 0x202e // separators of lines and paragraphs, directions
        || c >= 0x2066 && c <= 0x2069; // isolated directions
  }

  @Override
  public void println(String text) {
    super.println(escape(String.valueOf(text)));
  }

  @Override
  public PrintWriter format(String format, Object... args) {
    return super.format(format, escapeAll(args));
  }

  @Override
  public PrintWriter format(Locale locale, String format, Object... args) {
    return super.format(locale, format, escapeAll(args));
  }

  private static Object[] escapeAll(Object... args) {
    return Arrays.stream(args).map(TerminalWriter::escapeOne).toArray();
  }

  private static Object escapeOne(Object arg) {
    return switch (arg) {
      case null -> null;
      case Number number -> number;
      case Boolean truth -> truth;
      default -> escape(arg.toString());
    };
  }
}
