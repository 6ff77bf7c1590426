package dev.cocoli.backend.cuda;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.compile.KernelModules;
import dev.cocoli.backend.cuda.kernels.DeviceQueue;
import dev.cocoli.backend.cuda.kernels.Grid;
import dev.cocoli.backend.cuda.kernels.Kernel;
import dev.cocoli.bindings.cudart.dim3;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.tensor.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A GPU's compute stream. A launch returns what went wrong with it at once; what goes wrong while
 * it runs is told by a later call, unless {@link CudaSettings#synchronous} makes each wait.
 */
public final class CudaQueue implements DeviceQueue, AutoCloseable {
  /** Blocks of 256 threads that an SM keeps resident, on every compute capability from 8.0 on. */
  private static final int BLOCKS_A_MULTIPROCESSOR = 8;

  private final CudaDevice device;
  private final CudaMemory memory;
  private final KernelModules modules;
  private final boolean synchronous;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment grid = dim3.allocate(arena);
  private final MemorySegment block = dim3.allocate(arena);

  /** The kernel's parameters by address: there is one. */
  private final MemorySegment parameters = arena.allocate(ValueLayout.ADDRESS);

  /** Null before the first kernel that counts. */
  private Buffer counters;

  /** Makes the queue of a device, whose kernels come from a place. */
  CudaQueue(CudaDevice device, CudaMemory memory, KernelModules modules, CudaSettings settings) {
    this.device = device;
    this.memory = memory;
    this.modules = modules;
    this.synchronous = settings.synchronous();
    dim3.y(block, 1);
    dim3.z(block, 1);
  }

  @Override
  public void launch(Kernel kernel, Grid blocks, MemorySegment arguments) {
    device.enter();
    MemorySegment function = modules.function(kernel, blocks.sharedBytes());
    dim3.x(grid, (int) blocks.x());
    dim3.y(grid, (int) blocks.y());
    dim3.z(grid, (int) blocks.z());
    dim3.x(block, blocks.threads());
    parameters.set(ValueLayout.ADDRESS, 0, arguments);
    int status =
        cudaLaunchKernel(
            function, grid, block, parameters, blocks.sharedBytes(), device.computeStream());
    if (status != 0) {
      CudaStatus.check("cudaLaunchKernel of " + name(kernel), status);
    }
    if (synchronous) {
      await(name(kernel));
    }
  }

  private static String name(Kernel kernel) {
    return kernel.name() + " (" + kernel.file() + ".cu)";
  }

  @Override
  public void zero(MemorySegment memory) {
    if (memory.byteSize() == 0) {
      return;
    }
    device.enter();
    CudaStatus.check(
        "cudaMemsetAsync", cudaMemsetAsync(memory, 0, memory.byteSize(), device.computeStream()));
    finished("cudaMemsetAsync");
  }

  @Override
  public void copy(MemorySegment from, MemorySegment to) {
    if (from.byteSize() != to.byteSize()) {
      throw new IllegalArgumentException(
          from.byteSize() + " bytes do not fill " + to.byteSize() + " bytes");
    }
    if (to.byteSize() == 0) {
      return;
    }
    device.enter();
    CudaStatus.check(
        "cudaMemcpyAsync",
        cudaMemcpyAsync(
            to, from, to.byteSize(), cudaMemcpyDeviceToDevice(), device.computeStream()));
    finished("cudaMemcpyAsync");
  }

  @Override
  public MemorySegment counters() {
    if (counters == null) {
      counters = memory.allocate((long) COUNTERS * Integer.BYTES);
      zero(counters.segment());
    }
    return counters.segment();
  }

  @Override
  public int residentBlocks() {
    return device.multiprocessors() * BLOCKS_A_MULTIPROCESSOR;
  }

  /** Waits for a call that was queued, if that is asked for; so it is the one that fails. */
  public void finished(String call) {
    if (synchronous) {
      await(call);
    }
  }

  private void await(String call) {
    CudaStatus.check("(while it ran) " + call, cudaStreamSynchronize(device.computeStream()));
  }

  @Override
  public void close() {
    Closing.all(counters, arena);
  }
}
