package dev.cocoli.bindings;

/** A native library could not be found, unpacked or loaded. The message says what to do. */
public final class NativeLibraryException extends NativeException {
  private static final long serialVersionUID = 1L;

  /**
   * Describes a library that is not there or does not load.
   *
   * @param library the library's own name, as in {@code cuDNN}
   * @param message one line that says what was tried and what to do
   * @param cause what went wrong underneath, or null
   */
  public NativeLibraryException(String library, String message, Throwable cause) {
    super(library, "load", -1, "NOT_LOADED", message, library + ": " + message, cause);
  }
}
