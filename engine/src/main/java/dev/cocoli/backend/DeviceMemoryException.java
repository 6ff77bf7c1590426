package dev.cocoli.backend;

/** A device has less memory left than was asked for. The message says how much, and what helps. */
public final class DeviceMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /**
   * Creates the exception.
   *
   * @param message what was asked for and what to do
   */
  public DeviceMemoryException(String message) {
    super(message);
  }
}
