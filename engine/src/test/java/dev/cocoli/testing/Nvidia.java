package dev.cocoli.testing;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** Skips tests, and prints why, where NVIDIA's libraries are not installed. */
public final class Nvidia {
  private Nvidia() {}

  /** Loads NCCL; a machine without it skips, a library that is found and fails does not. */
  public static void requireNccl() {
    for (NvidiaLibrary library : List.of(NvidiaLibrary.CUDA_RUNTIME, NvidiaLibrary.NCCL)) {
      if (NvidiaLibraries.report(library).file().isEmpty()) {
        String reason =
            library.displayName() + " is not installed (set COCOLI_LIBRARY_PATH or VIRTUAL_ENV)";
        System.out.println("Skipped: " + reason);
        Assumptions.abort(reason);
      }
    }
    NvidiaLibraries.load(NvidiaLibrary.NCCL);
  }
}
