package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/**
 * An all-reduce in NCCL's words.
 *
 * <p>A mean is {@code ncclAvg}, which multiplies each element by 1 / ranks before it adds: that
 * saves a second pass over the gradients, is exact for powers of two, and else differs from a sum
 * that is divided by no more than a rounding of each element.
 *
 * @param elementCount how many elements, not bytes
 * @param type {@code ncclDataType_t}
 * @param operation {@code ncclRedOp_t}
 */
record NcclReduction(long elementCount, int type, int operation) {

  static NcclReduction of(Tensor x, Reduction reduction) {
    int operation =
        switch (reduction) {
          case SUM -> Nccl.ncclSum();
          case MEAN -> Nccl.ncclAvg();
        };
    return new NcclReduction(x.elementCount(), type(x.dtype()), operation);
  }

  /** {@return {@code ncclDataType_t} of an element} */
  static int type(DType type) {
    return switch (type) {
      case F32 -> Nccl.ncclFloat32();
      case BF16 -> Nccl.ncclBfloat16();
      case I32 -> Nccl.ncclInt32();
      case I64 -> Nccl.ncclInt64();
      case U8 -> Nccl.ncclUint8();
      default -> throw new IllegalArgumentException("NCCL does not reduce " + type + " here");
    };
  }
}
