package dev.cocoli.distributed;

/**
 * The last collective that each rank has entered: what a message needs that says why a job hangs.
 * The ranks of one process share a log; of other processes' ranks it knows nothing. Any thread may
 * call it.
 */
public final class CollectiveLog {
  private final CollectiveCall[] last;
  private final boolean[] here;

  /**
   * Begins with no calls.
   *
   * @param size the number of ranks
   * @param localRanks those whose calls are noted here
   */
  public CollectiveLog(int size, int... localRanks) {
    last = new CollectiveCall[size];
    here = new boolean[size];
    for (int rank : localRanks) {
      here[rank] = true;
    }
  }

  /**
   * Notes that a rank enters a collective.
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

  /** {@return for each rank the last collective that it entered, one line} */
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
