package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.kernels.ElementwiseKernels;
import dev.cocoli.backend.cuda.kernels.MemoryKernels;
import dev.cocoli.backend.cuda.kernels.SplitBatchNormKernels;
import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.primitives.Dense;
import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Layers as the CUDA backend has them: a library's products, finished by our kernels. */
record HostLayers(
    Backend libraries,
    BufferPool pool,
    ElementwiseKernels elementwise,
    MemoryKernels memory,
    SplitBatchNormKernels norms)
    implements Convolutions, Dense {

  @Override
  public void conv2d(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      Tensor y) {
    try (TensorScope scope = new TensorScope(pool)) {
      // the residual may lie where the result goes; what is added to is rounded only then
      boolean added = scale != null || shift != null || residual != null;
      Tensor plain = scope.allocate(added ? DType.F32 : y.dtype(), y.shape());
      libraries
          .convolutions()
          .conv2d(spec.with(Activation.NONE), x, weight, null, null, null, plain);
      Tensor wide = residual;
      if (residual != null && residual.dtype() != DType.F32) {
        wide = scope.allocate(DType.F32, residual.shape());
        memory.cast(residual, wide);
      }
      elementwise.epilogue(plain, scale, shift, wide, spec.activation());
      copyOrCast(plain, y);
    }
  }

  private void copyOrCast(Tensor from, Tensor to) {
    if (from.dtype() == to.dtype()) {
      memory.copy(from, to);
    } else {
      memory.cast(from, to);
    }
  }

  @Override
  public boolean conv2dBackwardData(
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      Tensor addend,
      Tensor activated,
      GradientSums sums,
      Tensor dx) {
    backwardData(spec, dy, weight, scale, addend, dx);
    if (activated != null) {
      elementwise.reluBackward(activated, dx);
    }
    if (sums != null && sums.norm() == null) {
      memory.fill(sums.sums(), 0);
      elementwise.addColumnSums(dx, sums.sums());
    } else if (sums != null) {
      norms.gradientSums(sums, dx);
      if (sums.masked() && activated == null) {
        mask(sums.norm(), dx);
      }
    }
    return sums != null;
  }

  @Override
  public boolean conv2dMoments(
      Conv2dSpec spec, Tensor x, Tensor weight, Tensor centre, Tensor sums, Tensor y) {
    conv2d(spec, x, weight, null, null, null, y);
    long channels = y.dim(3);
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor statistics = scope.allocate(DType.F32, 2 * channels + 1);
      norms.statistics(y, statistics);
      float count = value(statistics, 2 * channels);
      for (long c = 0; c < channels; c++) {
        float difference = value(statistics, c) - value(centre, c);
        put(sums, c, count * difference);
        put(
            sums,
            channels + c,
            count * (value(statistics, channels + c) + difference * difference));
      }
    }
    sums.buffer().markWritten();
    return true;
  }

  /** Clears the gradient where the norm's output is not positive. */
  private static void mask(GradientSums.Norm norm, Tensor dx) {
    long channels = dx.dim(3);
    for (long i = 0; i < dx.elementCount(); i++) {
      long c = i % channels;
      float x =
          dx.dtype() == DType.F32
              ? value(norm.x(), i)
              : Float.intBitsToFloat(
                  norm.x().segment().getAtIndex(ValueLayout.JAVA_SHORT, i) << Short.SIZE);
      double factor = (double) value(norm.invStd(), c) * value(norm.weight(), c);
      double addend = value(norm.bias(), c) - value(norm.mean(), c) * factor;
      if (x * (float) factor + (float) addend > 0) {
        continue;
      }
      if (dx.dtype() == DType.F32) {
        put(dx, i, 0);
      } else {
        dx.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, (short) 0);
      }
    }
  }

  private static float value(Tensor x, long index) {
    return x.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  private static void put(Tensor x, long index, float value) {
    x.segment().setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  @Override
  public boolean sumsInPassing() {
    return true;
  }

  private void backwardData(
      Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor addend, Tensor dx) {
    if (scale == null) {
      libraries.convolutions().conv2dBackwardData(spec, dy, weight, null, addend, null, null, dx);
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor scaled = scope.allocate(DType.F32, weight.shape());
      elementwise.scaleRows(List.of(new ElementwiseKernels.ScaledRows(weight, scale, scaled)));
      libraries.convolutions().conv2dBackwardData(spec, dy, scaled, null, addend, null, null, dx);
    }
  }

  @Override
  public void conv2dBackwardWeight(
      Conv2dSpec spec, Tensor x, Tensor dy, Tensor scale, Tensor dWeight, Tensor dShift) {
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor gradient = scope.allocate(DType.F32, dWeight.shape());
      gradient.segment().fill((byte) 0);
      libraries.convolutions().conv2dBackwardWeight(spec, x, dy, null, gradient, null);
      elementwise.addScaledRows(gradient, scale, dWeight);
    }
    if (dShift != null) {
      elementwise.addColumnSums(dy, dShift);
    }
  }

  @Override
  public void linear(Activation activation, Tensor x, Tensor weight, Tensor bias, Tensor y) {
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor plain = scope.allocate(bias != null ? DType.F32 : y.dtype(), y.shape());
      libraries.dense().linear(Activation.NONE, x, weight, null, plain);
      elementwise.epilogue(plain, null, bias, null, activation);
      copyOrCast(plain, y);
    }
  }

  @Override
  public void linearBackwardData(Tensor dy, Tensor weight, Tensor dx) {
    libraries.dense().linearBackwardData(dy, weight, dx);
  }

  @Override
  public void linearBackwardWeight(Tensor x, Tensor dy, Tensor dWeight, Tensor dBias) {
    libraries.dense().linearBackwardWeight(x, dy, dWeight, null);
    if (dBias != null) {
      elementwise.addColumnSums(dy, dBias);
    }
  }
}
