package dev.cocoli.distributed;

import dev.cocoli.failure.CocoliException;
import java.util.Arrays;
import java.util.List;

/**
 * Thrown by every collective once a rank has failed, is missing or has called a different
 * collective. The message names that rank, the reason, and the last collective that each rank had
 * entered.
 */
public final class CommunicatorException extends CocoliException {
  private static final long serialVersionUID = 1;

  /** An array, because a list need not be serialisable. */
  private final int[] failedRanks;

  /**
   * Creates the exception.
   *
   * @param message the rank, the reason, and the last collective of each rank
   * @param failedRanks the ranks that failed, are missing or called a different collective; empty
   *     where they are not known
   * @param cause the exception that led to this one, or null
   */
  public CommunicatorException(String message, List<Integer> failedRanks, Throwable cause) {
    super(message, cause);
    this.failedRanks = failedRanks.stream().mapToInt(Integer::intValue).toArray();
  }

  /** {@return the ranks that failed, are missing or called a different collective; may be empty} */
  public List<Integer> failedRanks() {
    return Arrays.stream(failedRanks).boxed().toList();
  }
}
