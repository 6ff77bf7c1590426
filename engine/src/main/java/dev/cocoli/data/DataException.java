package dev.cocoli.data;

/**
 * A data set that cannot be used as it is. The message names the file and says what to do; it is
 * meant for the user.
 */
public class DataException extends RuntimeException {

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
   * @param cause what told us
   */
  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
