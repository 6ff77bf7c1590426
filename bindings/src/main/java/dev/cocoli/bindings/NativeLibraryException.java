package dev.cocoli.bindings;

/** Thrown if a native library cannot be found, unpacked or loaded. The message says what to do. */
public final class NativeLibraryException extends NativeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param library the library's own name, as in {@code cuDNN}
   * @param message one line that says what was tried and what to do
   * @param cause the exception that led to this one, or null
   */
  public NativeLibraryException(String library, String message, Throwable cause) {
    super(library, "load", -1, "NOT_LOADED", message, library + ": " + message, cause);
  }
}
