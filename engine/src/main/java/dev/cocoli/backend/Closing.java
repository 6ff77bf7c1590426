package dev.cocoli.backend;

import java.util.Arrays;

/** Closes several things, all of them even if one fails. */
public final class Closing {
  private Closing() {}

  /**
   * Closes in the given order, then throws what the first failure threw.
   *
   * @param parts what; null is skipped
   */
  public static void all(AutoCloseable... parts) {
    all(Arrays.asList(parts));
  }

  /**
   * Closes in the given order, then throws what the first failure threw.
   *
   * @param parts what; null is skipped
   */
  public static void all(Iterable<? extends AutoCloseable> parts) {
    RuntimeException failure = null;
    for (AutoCloseable part : parts) {
      try {
        if (part != null) {
          part.close();
        }
      } catch (Exception e) {
        if (failure != null) {
          failure.addSuppressed(e);
        } else {
          failure = e instanceof RuntimeException known ? known : new IllegalStateException(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
