package dev.cocoli.distributed;

import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Connects the replicas of a data-parallel run, one rank each. Every rank calls the same
 * collectives in the same order; a call that the others do not join ends in an exception once the
 * timeout is over, on every rank. Counts are elements.
 *
 * <p>Once a rank has failed, is missing or has called something else than the others, every call
 * throws a {@link CommunicatorException} that names it, and the last collective that each rank had
 * entered. Then nobody touches the ranks' tensors any more.
 *
 * <p>One thread, the one that drives the rank's backend, calls everything but {@link #abort}.
 */
public interface Communicator extends AutoCloseable {

  /** How an all-reduce joins the ranks' elements. */
  enum Reduction {
    /** Their sum. */
    SUM,
    /** Their sum, divided by the number of ranks. */
    MEAN
  }

  /**
   * What all-reduces cost.
   *
   * @param seconds for which they ran, from when all ranks were there
   * @param waitSeconds for which {@link #awaitAllReduces} held up the backend, the wait for other
   *     ranks included
   */
  record AllReduceTimes(double seconds, double waitSeconds) {}

  /** {@return which of the ranks this is, from 0} */
  int rank();

  /** {@return the number of ranks} */
  int size();

  /**
   * Begins to replace a tensor by the reduction of all ranks' tensors. It takes place once the
   * backend has run all that it was called for, and beside what it is called for afterwards; until
   * {@link #awaitAllReduces} the tensor is neither read nor written. Every rank gets the same bits.
   *
   * @param x F32 or BF16, as many elements on every rank
   * @param reduction how elements are joined
   */
  void startAllReduce(Tensor x, Reduction reduction);

  /**
   * Orders what the backend is called for from now on after all reductions begun. Does not block
   * where the device can do the waiting.
   */
  void awaitAllReduces();

  /**
   * {@return what the all-reduces cost that were waited for since the last call; zeros where that
   * is not measured}
   */
  default AllReduceTimes takeAllReduceTimes() {
    return new AllReduceTimes(0, 0);
  }

  /**
   * Overwrites a tensor with that of one rank, in the order of the backend's calls.
   *
   * @param x any type, as many bytes on every rank
   * @param root the rank whose elements all get
   */
  void broadcast(Tensor x, int root);

  /**
   * Passes a few bytes of the host to everyone, and waits for theirs.
   *
   * @param value this rank's; sizes may differ
   * @return every rank's, by rank
   */
  List<byte[]> allGather(byte[] value);

  /** Waits until every rank has come here, and has run all that its backend was called for. */
  void barrier();

  /**
   * Ends every call that waits or is still to come, on this rank and, as far as they can be
   * reached, on the others, with an exception that says why. From any thread; a second call does
   * nothing.
   *
   * @param reason what went wrong here, for the others' messages
   */
  void abort(String reason);

  /** Frees what the rank holds; waits for no other rank. */
  @Override
  void close();
}
