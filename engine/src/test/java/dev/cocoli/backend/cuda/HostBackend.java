package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Constants;
import dev.cocoli.backend.ExactPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cuda.kernels.KernelBackend;
import dev.cocoli.backend.cuda.kernels.Summation;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * The CUDA backend without a GPU: our kernels run on the host, called as the GPU's are; oneDNN
 * stands in for cuDNN and cuBLAS, with what they leave to our kernels done by those.
 */
public final class HostBackend extends KernelBackend {
  private final HostQueue queue;
  private final BufferPool pool;
  private final CpuBackend dense;
  private final Constants constants;
  private long downloadCount;

  private HostBackend(HostQueue queue, BufferPool pool, Summation summation) {
    super(queue, pool, summation);
    this.queue = queue;
    this.pool = pool;
    dense = new CpuBackend(2);
    constants = new Constants(this, queue::allocate);
  }

  /**
   * {@return a backend over kernels that were compiled for the host}
   *
   * @param library the compiled kernels
   * @param summation how they add what comes in any order
   */
  static HostBackend open(Path library, Summation summation) {
    HostQueue queue = new HostQueue(library);
    return new HostBackend(queue, new BufferPool(queue::allocate), summation);
  }

  /**
   * {@return a backend whose scopes allocate every tensor by itself, so that a sanitizer sees where
   * it ends}
   *
   * @param library the kernels, compiled with sanitizers
   * @param summation how they add what comes in any order
   */
  static HostBackend openExact(Path library, Summation summation) {
    HostQueue queue = new HostQueue(library);
    return new HostBackend(queue, new ExactPool(queue::allocate), summation);
  }

  /** {@return where the kernels run; for tests} */
  public HostQueue queue() {
    return queue;
  }

  @Override
  public Device device() {
    return new Device(Device.Kind.CUDA, 0);
  }

  @Override
  public void require(Precision precision) {
    dense.require(precision);
  }

  @Override
  public boolean copiesBeside() {
    return true;
  }

  @Override
  public BufferPool pool() {
    return pool;
  }

  @Override
  public Constants constants() {
    return constants;
  }

  @Override
  public Buffer allocate(long byteSize) {
    return queue.allocate(byteSize);
  }

  @Override
  public void upload(MemorySegment host, Tensor to) {
    to.requireByteSize(host);
    to.segment().copyFrom(host);
    to.buffer().markWritten();
  }

  @Override
  public void download(Tensor from, MemorySegment host) {
    from.requireByteSize(host);
    downloadCount++;
    host.copyFrom(from.segment());
  }

  @Override
  public long downloadCount() {
    return downloadCount;
  }

  @Override
  public void synchronize() {}

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
      dense.conv2d(spec.with(Activation.NONE), x, weight, null, null, null, plain);
      Tensor wide = residual;
      if (residual != null && residual.dtype() != DType.F32) {
        wide = scope.allocate(DType.F32, residual.shape());
        cast(residual, wide);
      }
      elementwise().epilogue(plain, scale, shift, wide, spec.activation());
      copyOrCast(plain, y);
    }
  }

  private void copyOrCast(Tensor from, Tensor to) {
    if (from.dtype() == to.dtype()) {
      copy(from, to);
    } else {
      cast(from, to);
    }
  }

  @Override
  public void conv2dBackwardData(
      Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor addend, Tensor dx) {
    if (scale == null) {
      dense.conv2dBackwardData(spec, dy, weight, null, addend, dx);
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor scaled = scope.allocate(DType.F32, weight.shape());
      elementwise().scaleRows(weight, scale, scaled);
      dense.conv2dBackwardData(spec, dy, scaled, null, addend, dx);
    }
  }

  @Override
  public void conv2dBackwardWeight(
      Conv2dSpec spec, Tensor x, Tensor dy, Tensor scale, Tensor dWeight, Tensor dShift) {
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor gradient = scope.allocate(DType.F32, dWeight.shape());
      gradient.segment().fill((byte) 0);
      dense.conv2dBackwardWeight(spec, x, dy, null, gradient, null);
      elementwise().addScaledRows(gradient, scale, dWeight);
    }
    if (dShift != null) {
      elementwise().addColumnSums(dy, dShift);
    }
  }

  @Override
  public void linear(Activation activation, Tensor x, Tensor weight, Tensor bias, Tensor y) {
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor plain = scope.allocate(bias != null ? DType.F32 : y.dtype(), y.shape());
      dense.linear(Activation.NONE, x, weight, null, plain);
      elementwise().epilogue(plain, null, bias, null, activation);
      copyOrCast(plain, y);
    }
  }

  @Override
  public void linearBackwardData(Tensor dy, Tensor weight, Tensor dx) {
    dense.linearBackwardData(dy, weight, dx);
  }

  @Override
  public void linearBackwardWeight(Tensor x, Tensor dy, Tensor dWeight, Tensor dBias) {
    dense.linearBackwardWeight(x, dy, dWeight, null);
    if (dBias != null) {
      elementwise().addColumnSums(dy, dBias);
    }
  }

  @Override
  public void close() {
    constants.close();
    pool.close();
    dense.close();
    queue.close();
  }
}
