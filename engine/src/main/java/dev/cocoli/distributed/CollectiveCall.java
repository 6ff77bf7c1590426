package dev.cocoli.distributed;

import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.Locale;

/**
 * A collective as a rank entered it. Ranks do the same if their calls of one number are equal.
 *
 * @param number counts the rank's collectives, from 1
 * @param what the operation with all that must agree between the ranks
 */
public record CollectiveCall(long number, String what) {

  /**
   * {@return what an all-reduce is to agree on}
   *
   * @param x what is reduced
   * @param reduction how
   * @throws IllegalArgumentException if the tensor is neither F32 nor BF16
   */
  public static String allReduce(Tensor x, Communicator.Reduction reduction) {
    if (x.dtype() != DType.F32 && x.dtype() != DType.BF16) {
      throw new IllegalArgumentException("an all-reduce takes F32 or BF16, not " + x);
    }
    String how = reduction.name().toLowerCase(Locale.ROOT);
    return "all-reduce (" + how + ") of " + x.elementCount() + " " + x.dtype();
  }

  /**
   * {@return what a broadcast is to agree on}
   *
   * @param x what is overwritten
   * @param root whose elements all get
   * @param size the number of ranks
   * @throws IllegalArgumentException if there is no such rank
   */
  public static String broadcast(Tensor x, int root, int size) {
    if (root < 0 || root >= size) {
      throw new IllegalArgumentException("no rank " + root + " among " + size);
    }
    return "broadcast of " + x.byteSize() + " bytes from rank " + root;
  }

  /** {@return what an all-gather is to agree on: sizes may differ} */
  public static String allGather() {
    return "all-gather";
  }

  /** {@return what a barrier is to agree on} */
  public static String barrier() {
    return "barrier";
  }

  @Override
  public String toString() {
    return "#" + number + " " + what;
  }
}
