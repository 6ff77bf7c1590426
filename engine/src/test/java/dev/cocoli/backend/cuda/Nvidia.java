package dev.cocoli.backend.cuda;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import org.junit.jupiter.api.Assumptions;

/** Skips a test, and prints why, where one of NVIDIA's libraries is not installed. */
final class Nvidia {
  private Nvidia() {}

  /** {@return whether a library is there} */
  static boolean has(NvidiaLibrary library) {
    return NvidiaLibraries.report(library).file().isPresent();
  }

  /** Loads a library with what it needs; one that is found and fails is no reason to skip. */
  static void require(NvidiaLibrary library) {
    if (!has(library)) {
      skip(library.displayName() + " is not installed (set COCOLI_LIBRARY_PATH or VIRTUAL_ENV)");
    }
    NvidiaLibraries.load(library);
  }

  static void skip(String reason) {
    System.out.println("skipped: " + reason);
    Assumptions.abort(reason);
  }
}
