package dev.cocoli.distributed;

/**
 * Records the last collective that each rank has entered, for the message that says why a job
 * hangs. The ranks of one process share a log; it knows nothing of the ranks of other processes. It
 * is safe for many threads.
 */
public final class CollectiveLog {
  private final CollectiveCall[] last;
  private final boolean[] here;

  /**
   * Creates an empty log.
   *
   * @param size the number of ranks
   * @param localRanks the ranks whose calls are recorded here
   */
  public CollectiveLog(int size, int... localRanks) {
    last = new CollectiveCall[size];
    here = new boolean[size];
    for (int rank : localRanks) {
      here[rank] = true;
    }
  }

  /**
   * Records that a rank enters a collective.
   *
   * @param rank the rank
   * @param what the operation with all that must agree between the ranks
   * @return the call with its number
   */
  public synchronized CollectiveCall enter(int rank, String what) {
    long number = last[rank] == null ? 1 : last[rank].number() + 1;
    last[rank] = new CollectiveCall(number, what);
    return last[rank];
  }

  /** {@return one line with the last collective that each rank entered} */
  public synchronized String describe() {
    StringBuilder text = new StringBuilder("last collective entered: ");
    for (int rank = 0; rank < last.length; rank++) {
      text.append(rank == 0 ? "rank " : ", rank ").append(rank).append(' ');
      if (last[rank] != null) {
        text.append(last[rank]);
      } else {
        text.append(here[rank] ? "none" : "(another process, see there)");
      }
    }
    return text.toString();
  }
}
