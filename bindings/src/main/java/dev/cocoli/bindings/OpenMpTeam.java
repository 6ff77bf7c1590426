package dev.cocoli.bindings;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * The workers that OpenMP gives a thread. {@link OpenMpSettings} say how many every thread gets;
 * threads that compute beside each other share the cores, and each needs fewer.
 */
public final class OpenMpTeam {
  private OpenMpTeam() {}

  /**
   * Sets how many workers the calling thread's loops have from now on, itself included; other
   * threads keep theirs. oneDNN has to be loaded, and what the thread has it make comes after this:
   * a primitive is made for the workers that there are then.
   *
   * @param threads how many
   * @throws NativeLibraryException if the OpenMP library does not have the function
   */
  public static void resize(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("OpenMP needs a thread, not " + threads);
    }
    OneDnn.load();
    Optional<MemorySegment> function = SymbolLookup.loaderLookup().find("omp_set_num_threads");
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
