package dev.cocoli.benchmarks.compare;

/** A comparison that cannot be made, or may not; the message says why in one line. */
final class ComparisonException extends RuntimeException {
  private static final long serialVersionUID = 1;

  ComparisonException(String message) {
    super(message);
  }

  ComparisonException(String message, Throwable cause) {
    super(message, cause);
  }
}
