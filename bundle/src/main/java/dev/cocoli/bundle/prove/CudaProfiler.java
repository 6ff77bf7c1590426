package dev.cocoli.bundle.prove;

import dev.cocoli.bindings.access.LoadedLibraries;
import dev.cocoli.bindings.status.CudaStatus;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;

/**
 * The signs between which a profiler that was started with {@code --profile-from-start off} looks:
 * cudaProfilerStart and cudaProfilerStop of the CUDA runtime, which the bindings do not need.
 */
final class CudaProfiler {
  private CudaProfiler() {}

  static void start() {
    call("cudaProfilerStart");
  }

  static void stop() {
    call("cudaProfilerStop");
  }

  private static void call(String function) {
    int status;
    try {
      status =
          (int)
              Linker.nativeLinker()
                  .downcallHandle(
                      LoadedLibraries.lookup().findOrThrow(function),
                      FunctionDescriptor.of(ValueLayout.JAVA_INT))
                  .invokeExact();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(function, e);
    }
    CudaStatus.check(function, status);
  }
}
