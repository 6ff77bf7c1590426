package dev.cocoli.data.image;

import dev.cocoli.data.DataException;

/**
 * Thrown if an image cannot be decoded: it is missing, truncated, broken, too large, or of an
 * unknown format. The message names the file.
 */
public final class ImageDecodeException extends DataException {

  private static final long serialVersionUID = 1;

  /**
   * Creates the exception.
   *
   * @param name of the file
   * @param problem what is wrong with it
   */
  public ImageDecodeException(String name, String problem) {
    super(name + ": " + problem);
  }

  ImageDecodeException(String name, String problem, Throwable cause) {
    super(name + ": " + problem, cause);
  }
}
