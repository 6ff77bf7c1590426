package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Losses;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.function.BiConsumer;

/**
 * Losses with their gradients. How many rows count stays on the device. A label beyond the classes,
 * which the CPU refuses, makes the loss NaN here: to refuse it would be to wait for it.
 */
final class LossKernels implements Losses {
  private static final String FILE = "loss";
  private static final Kernel COUNT_LABELS = new Kernel(FILE, "count_labels");
  private static final Kernel MEAN_LOSS = new Kernel(FILE, "mean_loss");
  private static final Kernel SOFTMAX_CROSS_ENTROPY = new Kernel(FILE, "softmax_cross_entropy");
  private static final Kernel SIGMOID_CROSS_ENTROPY = new Kernel(FILE, "sigmoid_cross_entropy");
  private static final Kernel SMOOTH_L1 = new Kernel(FILE, "smooth_l1");

  private static final int WARP = 32;

  /** The most threads of the one block that counts labels. */
  private static final int COUNTING_THREADS = 1024;

  private final KernelCall call;
  private final BufferPool pool;

  LossKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  @Override
  public void softmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    long blocks = blocks(logits.dim(0) * WARP);
    mean(
        labels,
        loss,
        blocks,
        (partial, counted) ->
            call.of(SOFTMAX_CROSS_ENTROPY)
                .tensor(logits)
                .tensor(labels)
                .tensor(partial)
                .tensor(counted)
                .output(dLogits)
                .i64(logits.dim(0))
                .i64(logits.dim(1))
                .blocks(blocks, KernelCall.THREADS));
  }

  @Override
  public void sigmoidCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    long blocks = blocks(logits.elementCount());
    mean(
        labels,
        loss,
        blocks,
        (partial, counted) ->
            call.of(SIGMOID_CROSS_ENTROPY)
                .tensor(logits)
                .tensor(labels)
                .tensor(partial)
                .tensor(counted)
                .output(dLogits)
                .i64(logits.elementCount())
                .blocks(blocks, KernelCall.THREADS));
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
    mean(
        labels,
        loss,
        blocks,
        (partial, counted) ->
            call.of(SMOOTH_L1)
                .tensor(predictions)
                .tensor(targets)
                .tensor(labels)
                .tensor(partial)
                .tensor(counted)
                .output(dPredictions)
                .i64(count)
                .divider(boxes, count)
                .f32(beta)
                .blocks(blocks, KernelCall.THREADS));
  }

  /** Counts the labels, then sums over rows, then divides. */
  private void mean(Tensor labels, Tensor loss, long blocks, BiConsumer<Tensor, Tensor> writeSums) {
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor counted = scope.allocate(DType.I32, 1);
      Tensor partial = scope.allocate(DType.I64, blocks); // doubles
      call.of(COUNT_LABELS)
          .tensor(labels)
          .tensor(counted)
          .i64(labels.elementCount())
          .blocks(1, wholeWarps(labels.elementCount(), COUNTING_THREADS));
      writeSums.accept(partial, counted);
      call.of(MEAN_LOSS)
          .tensor(partial)
          .tensor(counted)
          .output(loss)
          .i64(blocks)
          .blocks(1, wholeWarps(blocks, KernelCall.THREADS));
    }
  }

  /** Returns how many threads one block takes for some pieces. */
  private static int wholeWarps(long pieces, int most) {
    return Math.clamp((pieces + WARP - 1) / WARP * WARP, WARP, most);
  }

  /** Returns how many blocks share the work of some threads, all of them resident at once. */
  private long blocks(long threads) {
    long blocks = (threads + KernelCall.THREADS - 1) / KernelCall.THREADS;
    return Math.min(blocks, call.queue().residentBlocks());
  }
}
