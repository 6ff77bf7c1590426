package dev.cocoli.distributed;

import dev.cocoli.tensor.Tensor;
import java.time.Duration;
import java.util.List;

/**
 * Connects one rank of a process group to the others. Every rank calls the same collectives in the
 * same order. If a rank does not join a call before the timeout is over, every rank gets an
 * exception. Counts are elements.
 *
 * <p>Once a rank has failed, is missing or has called a different collective, every call throws a
 * {@link CommunicatorException}, which names that rank and the last collective that each rank had
 * entered. From then on the ranks' tensors are not touched any more.
 *
 * <p>Only the thread that drives the rank's backend calls it, except {@link #abort}, which any
 * thread may call.
 */
public interface Communicator extends AutoCloseable {

  /** The operation by which an all-reduce combines the ranks' elements. */
  enum Reduction {
    /** Their sum. */
    SUM,
    /** Their sum, divided by the number of ranks. */
    MEAN
  }

  /**
   * The time that all-reduces took.
   *
   * @param seconds the time for which they ran, counted from when all ranks were there
   * @param waitSeconds the time for which {@link #awaitAllReduces} held up the backend, including
   *     the wait for other ranks
   */
  record AllReduceTimes(double seconds, double waitSeconds) {}

  /** The longest timeout, 68 years: nanoseconds of more cannot be counted from now on. */
  Duration LONGEST_TIMEOUT = Duration.ofSeconds(Integer.MAX_VALUE);

  /**
   * Refuses a timeout that no rank can wait for.
   *
   * @param timeout how long a rank waits for the others
   * @throws IllegalArgumentException if it is not positive, or more than {@link #LONGEST_TIMEOUT}
   */
  static void requireTimeout(Duration timeout) {
    if (!timeout.isPositive() || timeout.compareTo(LONGEST_TIMEOUT) > 0) {
      throw new IllegalArgumentException(
          "the timeout is positive and at most %,d seconds, not %s"
              .formatted(LONGEST_TIMEOUT.toSeconds(), timeout));
    }
  }

  /** {@return the number of this rank, from 0} */
  int rank();

  /** {@return the number of ranks} */
  int size();

  /**
   * Begins to replace a tensor by the reduction of all ranks' tensors. The reduction starts when
   * the backend has finished all calls made so far, and runs beside the calls made afterwards.
   * Until {@link #awaitAllReduces} the tensor must be neither read nor written. Every rank gets the
   * same bits.
   *
   * @param x F32 or BF16, as many elements on every rank
   * @param reduction how elements are combined
   */
  void startAllReduce(Tensor x, Reduction reduction);

  /**
   * Makes every later call of the backend wait for all reductions begun so far. It does not block
   * the host where the device can do the waiting.
   */
  void awaitAllReduces();

  /**
   * {@return the time that the all-reduces took that were waited for since the last call of this
   * method; zeros where it is not measured}
   */
  default AllReduceTimes takeAllReduceTimes() {
    return new AllReduceTimes(0, 0);
  }

  /**
   * Overwrites a tensor with that of one rank, in the order of the backend's calls.
   *
   * @param x any type, as many bytes on every rank
   * @param root the rank whose elements all ranks get
   */
  void broadcast(Tensor x, int root);

  /**
   * Sends a few bytes of host memory to all ranks and waits for theirs.
   *
   * @param value the bytes of this rank; sizes may differ
   * @return the bytes of every rank, by rank
   */
  List<byte[]> allGather(byte[] value);

  /** Waits until every rank has called this, and has finished all calls of its backend. */
  void barrier();

  /**
   * Makes every current and later call throw an exception with the reason, on this rank and, as far
   * as they can be reached, on the others. Any thread may call it; a second call does nothing.
   *
   * @param reason what went wrong here, for the others' messages
   */
  void abort(String reason);

  /** Frees the resources of this rank; waits for no other rank. */
  @Override
  void close();
}
