package dev.cocoli.benchmarks.compare;

/**
 * Thrown if a comparison cannot be made, or would not be valid; the message says why in one line.
 */
final class ComparisonException extends RuntimeException {
  private static final long serialVersionUID = 1;

  ComparisonException(String message) {
    super(message);
  }

  ComparisonException(String message, Throwable cause) {
    super(message, cause);
  }
}
