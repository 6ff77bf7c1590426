package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Losses;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/**
 * Losses with their gradients. How many rows count stays on the device. A label beyond the classes,
 * which the CPU refuses, makes the loss NaN here: to refuse it would be to wait for it.
 */
final class LossKernels implements Losses {
  private static final String FILE = "loss";
  private static final Kernel SOFTMAX_CROSS_ENTROPY = new Kernel(FILE, "softmax_cross_entropy");
  private static final Kernel SIGMOID_CROSS_ENTROPY = new Kernel(FILE, "sigmoid_cross_entropy");
  private static final Kernel SMOOTH_L1 = new Kernel(FILE, "smooth_l1");

  private static final int WARP = 32;

  private final KernelCall call;
  private final BufferPool pool;

  LossKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  @Override
  public void softmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    long blocks = blocks(logits.dim(0) * WARP);
    try (TensorScope scope = new TensorScope(pool)) {
      call.of(SOFTMAX_CROSS_ENTROPY).tensor(logits);
      writeMean(labels, loss, blocks, scope);
      call.output(dLogits).i64(logits.dim(1)).blocks(blocks, KernelCall.THREADS);
    }
  }

  @Override
  public void sigmoidCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    long blocks = blocks(logits.elementCount());
    try (TensorScope scope = new TensorScope(pool)) {
      call.of(SIGMOID_CROSS_ENTROPY).tensor(logits);
      writeMean(labels, loss, blocks, scope);
      call.output(dLogits).blocks(blocks, KernelCall.THREADS);
    }
  }

  @Override
  public void smoothL1(
      float beta,
      Tensor predictions,
      Tensor targets,
      Tensor labels,
      Tensor loss,
      Tensor dPredictions) {
    long boxes = predictions.dim(1) / 4;
    long count = predictions.dim(0) * boxes;
    long blocks = blocks(count);
    try (TensorScope scope = new TensorScope(pool)) {
      call.of(SMOOTH_L1).tensor(predictions).tensor(targets);
      writeMean(labels, loss, blocks, scope);
      call.output(dPredictions)
          .i64(count)
          .divider(boxes, count)
          .f32(beta)
          .blocks(blocks, KernelCall.THREADS);
    }
  }

  /** Writes {@code MeanLoss}. */
  private void writeMean(Tensor labels, Tensor loss, long blocks, TensorScope scope) {
    Tensor partial = scope.allocate(DType.I64, blocks); // doubles
    call.tensor(labels)
        .i64(labels.elementCount())
        .tensor(partial)
        .pointer(call.queue().counters())
        .output(loss);
  }

  /** Returns how many blocks share the work of some threads, all of them resident at once. */
  private long blocks(long threads) {
    long blocks = Math.ceilDiv(threads, KernelCall.THREADS);
    return Math.clamp(blocks, 1, call.queue().residentBlocks());
  }
}
