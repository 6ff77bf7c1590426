package dev.cocoli.bindings;

import dev.cocoli.failure.CocoliException;

/**
 * Thrown if a call of a native library fails. The message contains the library, the call, the code,
 * its symbolic name and the library's description of it.
 */
public class NativeException extends CocoliException {
  private static final long serialVersionUID = 1L;

  private final String library;
  private final String call;
  private final int code;
  private final String symbolicName;
  private final String text;

  /**
   * Creates the exception.
   *
   * @param library the library's own name, as in {@code oneDNN}
   * @param call the C function that was called
   * @param code its return value
   * @param symbolicName the constant of the library's header for that code
   * @param text the meaning of the code, and any further message of the library
   */
  public NativeException(String library, String call, int code, String symbolicName, String text) {
    this(
        library,
        call,
        code,
        symbolicName,
        text,
        "%s: %s returned %d (%s): %s".formatted(library, call, code, symbolicName, text),
        null);
  }

  NativeException(
      String library,
      String call,
      int code,
      String symbolicName,
      String text,
      String message,
      Throwable cause) {
    super(message, cause);
    this.library = library;
    this.call = call;
    this.code = code;
    this.symbolicName = symbolicName;
    this.text = text;
  }

  /** {@return the library that was called, by its own name, as in {@code oneDNN}} */
  public String library() {
    return library;
  }

  /** {@return the name of the C function that failed} */
  public String call() {
    return call;
  }

  /** {@return the code that the call returned, the library's own} */
  public int code() {
    return code;
  }

  /** {@return the name of the code's constant in the library's header} */
  public String symbolicName() {
    return symbolicName;
  }

  /** {@return the meaning of the code, in one line} */
  public String text() {
    return text;
  }
}
