package dev.cocoli.distributed;

import java.util.Arrays;
import java.util.List;

/**
 * The ranks can do nothing together any more: one failed, is missing or called something else. The
 * message names it, says why, and names the last collective that each rank had entered.
 */
public final class CommunicatorException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Integers only, so that the exception can be serialised. */
  private final int[] failedRanks;

  /**
   * Creates the exception.
   *
   * @param message which rank, why, and where the ranks were
   * @param failedRanks those that failed, are missing or called something else; none where that is
   *     not known
   * @param cause what was thrown, or null
   */
  public CommunicatorException(String message, List<Integer> failedRanks, Throwable cause) {
    super(message, cause);
    this.failedRanks = failedRanks.stream().mapToInt(Integer::intValue).toArray();
  }

  /** {@return those that failed, are missing or called something else; may be empty} */
  public List<Integer> failedRanks() {
    return Arrays.stream(failedRanks).boxed().toList();
  }
}
