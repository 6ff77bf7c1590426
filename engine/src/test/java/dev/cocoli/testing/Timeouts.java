package dev.cocoli.testing;

import java.time.Duration;
import java.util.function.Function;
import java.util.function.Predicate;

/** Timeouts that a test wants to see run out, but only after others have done their part. */
public final class Timeouts {
  private static final long FIRST_MILLIS = 500;
  private static final long LAST_MILLIS = 30_000;

  private Timeouts() {}

  /**
   * Runs something with a short timeout, and with longer ones while the machine is too slow for it.
   *
   * @param run runs it, and returns what happened
   * @param isEarly whether the timeout ran out before the others had done their part
   * @return what happened with the first timeout that was long enough, or with the longest
   */
  public static <T> T longEnough(Function<Duration, T> run, Predicate<T> isEarly) {
    for (long millis = FIRST_MILLIS; ; millis *= 4) {
      T happened = run.apply(Duration.ofMillis(millis));
      if (millis > LAST_MILLIS || !isEarly.test(happened)) {
        return happened;
      }
    }
  }
}
