package dev.cocoli.failure;

/**
 * What the library's own exceptions have in common: a call failed although it was made rightly. The
 * kinds are, each with a message that a user can act on:
 *
 * <ul>
 *   <li>{@code dev.cocoli.data.DataException}: a data set, or as its subclass {@code
 *       dev.cocoli.data.image.ImageDecodeException} an image, cannot be used
 *   <li>{@code dev.cocoli.backend.DeviceMemoryException}: a device has no memory left
 *   <li>{@link dev.cocoli.bindings.NativeException}: a native library failed, or as its subclass
 *       {@code NativeLibraryException} cannot be loaded
 *   <li>{@code dev.cocoli.train.TrainingException}: a training run cannot go on
 *   <li>{@code dev.cocoli.distributed.CommunicatorException}: another rank failed
 * </ul>
 *
 * <p>All are unchecked. As elsewhere in Java, an {@link java.io.IOException} says that a file
 * cannot be read or written, an {@link IllegalArgumentException} that an argument is wrong, and an
 * {@link IllegalStateException} that a call comes at the wrong time, such as after {@code close}.
 */
public abstract class CocoliException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message what is wrong, and what to do
   */
  protected CocoliException(String message) {
    super(message);
  }

  /**
   * Creates the exception.
   *
   * @param message what is wrong, and what to do
   * @param cause the exception that led to this one, or null
   */
  protected CocoliException(String message, Throwable cause) {
    super(message, cause);
  }
}
