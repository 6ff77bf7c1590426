package dev.cocoli.distributed;

import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.Locale;

/**
 * One collective operation as one rank entered it. Two ranks run the same operation if their calls
 * with the same number are equal.
 *
 * @param number counts the rank's collectives, from 1
 * @param what the operation with all that must agree between the ranks
 */
public record CollectiveCall(long number, String what) {

  /**
   * {@return the description of an all-reduce, on which all ranks must agree}
   *
   * @param x the tensor to reduce
   * @param reduction the reduction
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
   * {@return the description of a broadcast, on which all ranks must agree}
   *
   * @param x the tensor to overwrite
   * @param root the rank whose elements all ranks get
   * @param size the number of ranks
   * @throws IllegalArgumentException if there is no such rank
   */
  public static String broadcast(Tensor x, int root, int size) {
    if (root < 0 || root >= size) {
      throw new IllegalArgumentException("no rank " + root + " among " + size);
    }
    return "broadcast of " + x.byteSize() + " bytes from rank " + root;
  }

  /**
   * {@return the description of an all-gather, on which all ranks must agree; the sizes are not
   * part of it, because they may differ}
   */
  public static String allGather() {
    return "all-gather";
  }

  /** {@return the description of a barrier} */
  public static String barrier() {
    return "barrier";
  }

  @Override
  public String toString() {
    return "#" + number + " " + what;
  }
}
