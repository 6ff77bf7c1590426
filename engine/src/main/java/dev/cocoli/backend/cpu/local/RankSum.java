package dev.cocoli.backend.cpu.local;

import dev.cocoli.backend.cpu.loops.FloatBlock;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/**
 * Adds some elements of the ranks' tensors and gives all of them the result: rank 0's plus rank
 * 1's, plus rank 2's and so on, in F32, rounded once. An element's bits do not depend on how the
 * tensor is cut.
 */
final class RankSum {
  /** Elements a piece: two blocks of them stay in the second cache. */
  static final int PIECE_ELEMENTS = 1 << 14;

  private final FloatBlock[] sums = new FloatBlock[DType.values().length];
  private final FloatBlock[] others = new FloatBlock[DType.values().length];

  /**
   * {@return how many pieces a tensor is cut into}
   *
   * @param x the tensor
   */
  static long pieces(Tensor x) {
    return Math.ceilDiv(x.elementCount(), PIECE_ELEMENTS);
  }

  /**
   * Reduces one piece.
   *
   * @param ranks each rank's tensor, of one type and element count
   * @param reduction how
   * @param piece which
   */
  void reduce(Tensor[] ranks, Reduction reduction, long piece) {
    DType type = ranks[0].dtype();
    int slot = type.ordinal();
    if (sums[slot] == null) {
      sums[slot] = FloatBlock.of(type, PIECE_ELEMENTS);
      others[slot] = FloatBlock.of(type, PIECE_ELEMENTS);
    }
    FloatBlock sum = sums[slot];
    FloatBlock other = others[slot];
    long first = piece * PIECE_ELEMENTS;
    int count = (int) Math.min(PIECE_ELEMENTS, ranks[0].elementCount() - first);
    sum.load(ranks[0].segment(), first, count);
    for (int rank = 1; rank < ranks.length; rank++) {
      other.load(ranks[rank].segment(), first, count);
      sum.add(other);
    }
    if (reduction == Reduction.MEAN) {
      for (int l = 0; l < sum.lanes(); l++) {
        divide(sum.lane(l), ranks.length, sum.size(l));
      }
    }
    for (Tensor rank : ranks) {
      sum.store(rank.segment(), first);
    }
  }

  private static void divide(float[] x, float divisor, int size) {
    for (int j = 0; j < size; j++) {
      x[j] /= divisor;
    }
  }
}
