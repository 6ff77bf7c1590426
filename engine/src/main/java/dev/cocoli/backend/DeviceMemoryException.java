package dev.cocoli.backend;

import dev.cocoli.failure.CocoliException;

/** A device has less memory left than was asked for. The message says how much, and what helps. */
public final class DeviceMemoryException extends CocoliException {
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
