package dev.cocoli.data.formats;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.io.JsonEOFException;

/** Shortens the error message of a JSON parser to its reason, without its advice to programmers. */
public final class JsonReason {

  private JsonReason() {}

  /**
   * {@return the reason in one line, without the position in the file}
   *
   * @param problem the parser's exception
   */
  @SuppressWarnings("exports") // for the parsers of this module
  public static String of(JacksonException problem) {
    if (problem instanceof JsonEOFException) {
      return "ends in the middle";
    }
    return problem
        .getOriginalMessage()
        .replaceAll(": enable `[^`]*` to allow", "")
        .replaceAll(",? from `[^`]*`", "");
  }
}
