package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Constants;
import dev.cocoli.backend.ExactPool;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cuda.kernels.KernelBackend;
import dev.cocoli.backend.cuda.kernels.Summation;
import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.primitives.Dense;
import dev.cocoli.backend.primitives.Transfers;
import dev.cocoli.tensor.Buffer;
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
  private final CpuBackend libraries;
  private final HostTransfers transfers = new HostTransfers();
  private final HostLayers layers;
  private final Constants constants;

  private HostBackend(HostQueue queue, BufferPool pool, Summation summation) {
    super(queue, pool, summation);
    this.queue = queue;
    this.pool = pool;
    libraries = new CpuBackend(2);
    layers = new HostLayers(libraries, pool, elementwise(), copies(), splitBatchNorm());
    constants = new Constants(transfers, queue::allocate);
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

  /** Copies within the host's memory. */
  private static final class HostTransfers implements Transfers {
    private long downloadCount;

    @Override
    public boolean copiesBeside() {
      return true;
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
  }

  /**
   * {@return how often a kernel was launched}
   *
   * @param kernel its name
   */
  public int launches(String kernel) {
    return queue.launches(kernel);
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
    libraries.require(precision);
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
  public Transfers transfers() {
    return transfers;
  }

  @Override
  public Convolutions convolutions() {
    return layers;
  }

  @Override
  public Dense dense() {
    return layers;
  }

  @Override
  public void close() {
    constants.close();
    pool.close();
    libraries.close();
    queue.close();
  }
}
