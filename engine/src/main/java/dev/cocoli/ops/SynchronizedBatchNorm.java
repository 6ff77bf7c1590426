package dev.cocoli.ops;

import dev.cocoli.backend.primitives.SplitBatchNorm;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.Arrays;

/**
 * Batch normalisation over the images of all replicas (torch's {@code SyncBatchNorm}). Each way
 * waits for the others once: for their statistics, which every replica puts into its own row of a
 * table of zeros that is summed, and for the sums of their gradients.
 */
final class SynchronizedBatchNorm {
  private final Ops ops;
  private final Communicator communicator;
  private final SplitBatchNorm split;

  SynchronizedBatchNorm(Ops ops, Communicator communicator) {
    this.ops = ops;
    this.communicator = communicator;
    split = ops.backend().splitBatchNorm();
  }

  /** See {@link MapOps#batchNorm}. */
  Tensor forward(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar) {
    long channels = x.dim(-1);
    Tensor statistics = ops.allocate(DType.F32, communicator.size(), 2 * channels + 1);
    ops.backend().copies().fill(statistics, 0);
    split.statistics(x, statistics.rows(communicator.rank(), 1));
    sum(statistics);
    Tensor mean = ops.allocate(DType.F32, channels);
    Tensor invStd = ops.allocate(DType.F32, channels);
    Tensor y = ops.like(x);
    split.normalize(
        spec, statistics, x, weight, bias, residual, runningMean, runningVar, mean, invStd, y);
    Tape tape = ops.tape();
    tape.record(
        y,
        Arrays.asList(x, residual),
        Arrays.asList(weight, bias),
        dy -> {
          Tensor sums = ops.allocate(DType.F32, 2, channels);
          split.gradientSums(
              spec,
              x,
              mean,
              invStd,
              y,
              dy,
              sums,
              tape.leafGradient(weight),
              tape.leafGradient(bias));
          sum(sums);
          Tensor dx = ops.like(x);
          split.gradient(statistics, x, weight, mean, invStd, dy, sums, dx);
          tape.contribute(x, dx);
          if (tape.tracks(residual)) {
            tape.contribute(residual, dy);
          }
        });
    return y;
  }

  private void sum(Tensor x) {
    communicator.startAllReduce(x, Reduction.SUM);
    communicator.awaitAllReduces();
  }
}
