package dev.cocoli.train;

import dev.cocoli.failure.CocoliException;

/**
 * A run that cannot begin or go on. The message is meant for the user: it names file, step or
 * setting and says what to do.
 */
public final class TrainingException extends CocoliException {
  private static final long serialVersionUID = 1;

  /**
   * Creates the exception.
   *
   * @param message what is wrong and what to do
   */
  public TrainingException(String message) {
    super(message);
  }

  /**
   * Creates the exception.
   *
   * @param message what is wrong and what to do
   * @param cause what told us
   */
  public TrainingException(String message, Throwable cause) {
    super(message, cause);
  }
}
