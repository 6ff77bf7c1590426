package dev.cocoli.bindings;

/**
 * A native library refused a call. The message names the library, the call, the code, its symbolic
 * name and what the library says of it.
 */
public class NativeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String library;
  private final String call;
  private final int code;
  private final String symbolicName;
  private final String text;

  /**
   * Describes a call that failed.
   *
   * @param library the library's own name, as in {@code oneDNN}
   * @param call the C function that was called
   * @param code what it returned
   * @param symbolicName the constant of the library's header for that code
   * @param text what the code means, and whatever else the library tells
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

  /**
   * The library that was called.
   *
   * @return the library's own name, as in {@code oneDNN}
   */
  public String library() {
    return library;
  }

  /**
   * The call that failed.
   *
   * @return the name of the C function
   */
  public String call() {
    return call;
  }

  /**
   * What the call returned.
   *
   * @return the library's code
   */
  public int code() {
    return code;
  }

  /**
   * The name that the library's header gives to the code.
   *
   * @return the constant's name
   */
  public String symbolicName() {
    return symbolicName;
  }

  /**
   * What the code means.
   *
   * @return one line
   */
  public String text() {
    return text;
  }
}
