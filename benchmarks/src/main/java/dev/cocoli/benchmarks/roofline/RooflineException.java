package dev.cocoli.benchmarks.roofline;

/** Says in one line why nothing could be counted. */
final class RooflineException extends RuntimeException {
  private static final long serialVersionUID = 1;

  RooflineException(String message) {
    super(message);
  }

  RooflineException(String message, Throwable cause) {
    super(message, cause);
  }
}
