package dev.cocoli.backend.cuda.compile;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.CudaDevice;
import dev.cocoli.backend.cuda.kernels.Kernel;
import dev.cocoli.bindings.status.CudaStatus;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * The kernels of one device, each file compiled when the first kernel of it is needed. What was
 * compiled is kept on disk.
 */
public final class KernelModules implements AutoCloseable {
  /** Shared memory that a block gets without asking, on every compute capability. */
  private static final int SHARED_BYTES_UNASKED = 48 << 10;

  private final CudaDevice device;
  private final KernelCompiler compiler;
  private final CompiledKernels compiled;
  private final CodeTarget target;
  private final Map<String, KernelModule> modules = new HashMap<>();
  private final Map<Kernel, MemorySegment> functions = new HashMap<>();
  private final Map<Kernel, Integer> sharedBytes = new HashMap<>();

  /** Prepares the kernels of a device. */
  public KernelModules(CudaDevice device, KernelCompiler compiler, CompiledKernels compiled) {
    this.device = device;
    this.compiler = compiler;
    this.compiled = compiled;
    this.target = device.computeCapability().target(compiler.supported());
  }

  /**
   * Returns a kernel, ready to be launched.
   *
   * @param kernel which
   * @param shared bytes that a block's threads will share beside what the kernel declares
   */
  public MemorySegment function(Kernel kernel, int shared) {
    MemorySegment function = functions.get(kernel);
    if (function == null) {
      function = modules.computeIfAbsent(kernel.file(), this::load).function(kernel.name());
      functions.put(kernel, function);
    }
    if (shared > SHARED_BYTES_UNASKED && shared > sharedBytes.getOrDefault(kernel, 0)) {
      CudaStatus.check(
          "cudaKernelSetAttributeForDevice of " + kernel.name(),
          cudaKernelSetAttributeForDevice(
              function,
              cudaFuncAttributeMaxDynamicSharedMemorySize(),
              shared,
              device.device().index()));
      sharedBytes.put(kernel, shared);
    }
    return function;
  }

  private KernelModule load(String file) {
    KernelSource source = KernelSource.ofResource(file);
    return KernelModule.load(
        source.name() + " for " + target.option(), image(source, target, compiler, compiled));
  }

  /** Returns a file of kernels, compiled now or before. */
  static byte[] image(
      KernelSource source, CodeTarget target, KernelCompiler compiler, CompiledKernels compiled) {
    String name =
        source.name() + "." + target.option() + "." + compiler.fingerprint(source, target);
    return compiled.get(name, () -> compiler.compile(source, target));
  }

  @Override
  public void close() {
    functions.clear();
    Closing.all(modules.values());
    modules.clear();
  }
}
