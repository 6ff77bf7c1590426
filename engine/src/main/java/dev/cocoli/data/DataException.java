package dev.cocoli.data;

import dev.cocoli.failure.CocoliException;

/** Thrown if a data set cannot be used. The message names the file and says what to do. */
public class DataException extends CocoliException {

  private static final long serialVersionUID = 1;

  /**
   * Creates the exception.
   *
   * @param message what is wrong, in which file
   */
  public DataException(String message) {
    super(message);
  }

  /**
   * Creates the exception.
   *
   * @param message what is wrong, in which file
   * @param cause the exception that led to this one
   */
  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
