package dev.cocoli.bindings;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    Optional<MemorySegment> function = OneDnn.find("omp_set_num_threads");
    if (function.isEmpty()) {
      throw new NativeLibraryException(
          "OpenMP", "the library that came with oneDNN has no omp_set_num_threads", null);
    }
    try {
      Linker.nativeLinker()
          .downcallHandle(function.get(), FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
          .invokeExact(threads);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
  }
}
