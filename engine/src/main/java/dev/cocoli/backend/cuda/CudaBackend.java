package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.Constants;
import dev.cocoli.backend.Replays;
import dev.cocoli.backend.cuda.cublas.CublasMatmul;
import dev.cocoli.backend.cuda.cublas.WeightCopies;
import dev.cocoli.backend.cuda.cudnn.CudnnConvolution;
import dev.cocoli.backend.cuda.graphs.CapturedRegions;
import dev.cocoli.backend.cuda.kernels.KernelBackend;
import dev.cocoli.backend.cuda.nccl.NcclDevice;
import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.primitives.Dense;
import dev.cocoli.backend.primitives.Transfers;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;

/**
 * An NVIDIA GPU. A primitive returns when it has been queued; what goes wrong while it runs is told
 * by a later call, or by itself with the property {@code cocoli.cuda.sync}. {@code
 * cocoli.cuda.tf32} lets fp32 be multiplied as TF32, {@code cocoli.cuda.deterministic} leaves out
 * what has other bits from run to run on the same GPU with the same libraries, {@code
 * cocoli.cuda.graphs} replays captured regions as CUDA graphs, {@code cocoli.cuda.workspace} limits
 * the scratch memory of a convolution (in MiB). It must be driven by a platform thread.
 */
public final class CudaBackend extends KernelBackend {
  /** The first compute capability whose tensor cores multiply bf16. */
  private static final int BF16_MAJOR = 8;

  private final CudaContext context;
  private final WeightCopies weights;
  private final CublasMatmul matmul;
  private final CudnnConvolution convolutions;
  private final CudaTransfers transfers;
  private final Constants constants;
  private final CapturedRegions regions;
  private boolean closed;

  private CudaBackend(CudaContext context) {
    super(context.queue(), context.pool(), context.settings().summation());
    this.context = context;
    weights = new WeightCopies(elementwise(), context.pool(), context.memory()::allocate);
    matmul = new CublasMatmul(context, weights, elementwise(), copies());
    convolutions =
        new CudnnConvolution(context, weights, matmul, elementwise(), copies(), splitBatchNorm());
    transfers = new CudaTransfers(context);
    constants = new Constants(transfers, context.memory()::allocate);
    regions =
        new CapturedRegions(
            context, () -> weights.state() + convolutions.closedPlans(), weights::distrust);
    context
        .memory()
        .beforeGivingUp(
            () -> {
              regions.trim();
              context.pool().trim();
            });
  }

  /**
   * Opens a GPU.
   *
   * @param device which; the caller's thread is a platform thread
   * @return its backend, which the caller closes
   * @throws IllegalArgumentException if it cannot be used; the message says which library, driver
   *     or device is missing, where was looked, and what to do
   */
  public static CudaBackend open(Device device) {
    CudaContext context = new CudaContext(device, CudaSettings.ofProperties());
    try {
      return new CudaBackend(context);
    } catch (RuntimeException e) {
      context.close();
      throw e;
    }
  }

  @Override
  public Device device() {
    return context.device().device();
  }

  @Override
  public void require(Precision precision) {
    ComputeCapability computeCapability = context.device().computeCapability();
    if (precision == Precision.BF16 && computeCapability.major() < BF16_MAJOR) {
      throw new IllegalArgumentException(
          device()
              + " does not compute in bf16: that takes compute capability 8.0 (Ampere) or later,"
              + " this GPU has "
              + computeCapability
              + "; use fp32");
    }
  }

  @Override
  public BufferPool pool() {
    return context.pool();
  }

  @Override
  public Constants constants() {
    return constants;
  }

  @Override
  public Buffer allocate(long byteSize) {
    Buffer raw = context.memory().allocate(byteSize);
    try {
      context.queue().zero(raw.segment());
    } catch (RuntimeException e) {
      raw.close();
      throw e;
    }
    return weights.remember(raw);
  }

  /**
   * {@return how many pieces of memory are held from the device: those of {@link #allocate}, the
   * pool's chunks and the copies of weights; for tests}
   */
  public long liveBuffers() {
    return context.memory().liveBuffers();
  }

  /** Returns where a communicator of this backend's rank computes. */
  public NcclDevice ncclDevice() {
    return new NcclDevice(device().index(), context.device().computeStream());
  }

  @Override
  public Transfers transfers() {
    return transfers;
  }

  @Override
  public Convolutions convolutions() {
    return convolutions;
  }

  @Override
  public Dense dense() {
    return matmul;
  }

  @Override
  public Replays replays() {
    return context.settings().graphs() ? regions : super.replays();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      // nothing may still run on what goes; plans before what they were made with, memory last
      Closing.all(
          context.device()::synchronize,
          regions,
          convolutions,
          matmul,
          weights,
          constants,
          transfers,
          context);
    }
  }
}
