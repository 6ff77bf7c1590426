package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.ExactPool;
import dev.cocoli.backend.cuda.compile.CompiledKernels;
import dev.cocoli.backend.cuda.compile.KernelCompiler;
import dev.cocoli.backend.cuda.compile.KernelModules;
import dev.cocoli.backend.cuda.graphs.GraphRecorder;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.cache.CacheDirectory;
import dev.cocoli.bindings.cublas.Cublas;
import dev.cocoli.bindings.cudnn.Cudnn;
import dev.cocoli.bindings.status.CublasStatus;
import dev.cocoli.bindings.status.CudnnStatus;
import dev.cocoli.tensor.Device;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What all parts of a GPU's backend share: the device, its memory, its queue, and the libraries'
 * handles.
 */
public final class CudaContext implements AutoCloseable {
  private final CudaSettings settings;
  private final CudaDevice device;
  private final GraphRecorder recorder;
  private final CudaMemory memory;
  private final BufferPool pool;
  private final CudaQueue queue;
  private final NativeHandle cudnn;
  private final NativeHandle cublasLt;

  /** What is open, the youngest first. */
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();

  /** Opens a GPU; what was opened is closed again if something fails. */
  CudaContext(Device which, CudaSettings settings) {
    this.settings = settings;
    try {
      device = own(CudaDevice.open(which));
      recorder = new GraphRecorder(device);
      memory = own(new CudaMemory(device, recorder));
      pool =
          own(
              settings.exact()
                  ? new ExactPool(memory::allocate)
                  : new BufferPool(memory::allocate, memory::trim));
      KernelModules modules =
          own(
              new KernelModules(
                  device,
                  new KernelCompiler(),
                  new CompiledKernels(CacheDirectory.writable("kernels"))));
      queue = own(new CudaQueue(device, memory, modules, settings));
      cudnn =
          own(
              NativeHandle.create(
                  CudnnStatus::check,
                  "cudnnCreate",
                  Cudnn::cudnnCreate,
                  handle -> CudnnStatus.check("cudnnDestroy", Cudnn.cudnnDestroy(handle))));
      CudnnStatus.check(
          "cudnnSetStream", Cudnn.cudnnSetStream(cudnn.pointer(), device.computeStream()));
      cublasLt =
          own(
              NativeHandle.create(
                  CublasStatus::check,
                  "cublasLtCreate",
                  Cublas::cublasLtCreate,
                  handle -> CublasStatus.check("cublasLtDestroy", Cublas.cublasLtDestroy(handle))));
    } catch (RuntimeException e) {
      try {
        close();
      } catch (RuntimeException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
  }

  private <T extends AutoCloseable> T own(T part) {
    parts.push(part);
    return part;
  }

  public CudaSettings settings() {
    return settings;
  }

  public CudaDevice device() {
    return device;
  }

  public GraphRecorder recorder() {
    return recorder;
  }

  public CudaMemory memory() {
    return memory;
  }

  public BufferPool pool() {
    return pool;
  }

  public CudaQueue queue() {
    return queue;
  }

  /** Returns cuDNN's handle, whose work goes to the compute stream. */
  public MemorySegment cudnn() {
    return cudnn.pointer();
  }

  /** Returns cublasLt's handle. */
  public MemorySegment cublasLt() {
    return cublasLt.pointer();
  }

  @Override
  public void close() {
    try {
      Closing.all(parts);
    } finally {
      parts.clear();
    }
  }
}
