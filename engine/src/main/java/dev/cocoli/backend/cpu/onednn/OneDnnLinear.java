package dev.cocoli.backend.cpu.onednn;

import dev.cocoli.backend.cpu.loops.ElementwiseLoops;
import dev.cocoli.backend.primitives.Dense;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Fully connected layers: {@code x [M,I]}, {@code weight [O,I]}, {@code y [M,O]}. */
public final class OneDnnLinear implements Dense {
  private final OneDnnMatmul matmul;
  private final ElementwiseLoops loops;

  public OneDnnLinear(OneDnnMatmul matmul, ElementwiseLoops loops) {
    this.matmul = matmul;
    this.loops = loops;
  }

  @Override
  public void linear(Activation activation, Tensor x, Tensor weight, Tensor bias, Tensor y) {
    if (y.elementCount() == 0) {
      return;
    }
    y.buffer().markWritten();
    if (x.dtype() == DType.BF16) {
      matmul.timesWeightTransposed(activation, x, weight, bias, y);
      return;
    }
    matmul.timesTransposed(
        x.segment(), weight.segment(), y.segment(), x.dim(0), x.dim(1), y.dim(1));
    loops.addRow(y, bias, activation);
  }

  @Override
  public void linearBackwardData(Tensor dy, Tensor weight, Tensor dx) {
    if (dx.elementCount() == 0) {
      return;
    }
    dx.buffer().markWritten();
    if (dy.dtype() == DType.BF16) {
      matmul.timesWeight(dy, weight, dx);
      return;
    }
    matmul.times(dy.segment(), weight.segment(), dx.segment(), dy.dim(0), dy.dim(1), dx.dim(1));
  }

  @Override
  public void linearBackwardWeight(Tensor x, Tensor dy, Tensor dWeight, Tensor dBias) {
    long rows = x.dim(0);
    if (rows == 0) {
      return;
    }
    if (dBias != null) {
      loops.addColumnSums(dy, dBias);
    }
    dWeight.buffer().markWritten();
    matmul.addTransposedTimes(
        x.dtype(), dy.segment(), x.segment(), dWeight.segment(), rows, dy.dim(1), x.dim(1));
  }
}
