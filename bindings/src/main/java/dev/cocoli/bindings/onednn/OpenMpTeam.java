package dev.cocoli.bindings.onednn;

import dev.cocoli.bindings.NativeLibraryException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Sets the number of OpenMP workers of the calling thread. {@link OpenMpSettings} set the number
 * for every thread; threads that compute at the same time share the cores, and each needs fewer
 * workers.
 */
public final class OpenMpTeam {
  private OpenMpTeam() {}

  /**
   * Sets how many workers the calling thread's loops use from now on, including the thread itself;
   * other threads keep their number. oneDNN must be loaded. Call this before the thread creates
   * primitives, because a primitive is made for the number of workers at its creation.
   *
   * @param threads the number of workers
   * @throws NativeLibraryException if the OpenMP library does not have the function
   */
  public static void resize(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("OpenMP needs a thread, not " + threads);
    }
    try {
      function("omp_set_num_threads", FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
          .invokeExact(threads);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
  }

  /**
   * Runs something while the calling thread's loops use that thread alone: primitives created by it
   * start no workers, whichever thread executes them. oneDNN must be loaded.
   *
   * @param action what to run
   * @throws NativeLibraryException if the OpenMP library does not have the functions
   */
  public static void alone(Runnable action) {
    int threads = size();
    resize(1);
    try {
      action.run();
    } finally {
      resize(threads);
    }
  }

  private static int size() {
    try {
      return (int)
          function("omp_get_max_threads", FunctionDescriptor.of(ValueLayout.JAVA_INT))
              .invokeExact();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
  }

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    Optional<MemorySegment> address = OneDnn.find(name);
    if (address.isEmpty()) {
      throw new NativeLibraryException(
          "OpenMP", "the library that came with oneDNN has no " + name, null);
    }
    return Linker.nativeLinker().downcallHandle(address.get(), descriptor);
  }
}
