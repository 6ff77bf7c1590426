package dev.cocoli.testing;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import org.junit.jupiter.api.Assumptions;

/** Skips tests, and prints why, where something of NVIDIA's is not installed. */
public final class Nvidia {
  private Nvidia() {}

  /**
   * {@return whether a library is there}
   *
   * @param library which
   */
  public static boolean has(NvidiaLibrary library) {
    return NvidiaLibraries.report(library).file().isPresent();
  }

  /**
   * Loads libraries with what they need; a machine without one skips, one that is found and fails
   * does not.
   *
   * @param libraries which
   */
  public static void require(NvidiaLibrary... libraries) {
    for (NvidiaLibrary library : libraries) {
      if (!has(library)) {
        skip(library.displayName() + " is not installed (set COCOLI_LIBRARY_PATH or VIRTUAL_ENV)");
      }
    }
    NvidiaLibraries.load(libraries);
  }

  /**
   * Ends a test that cannot be made here.
   *
   * @param reason why
   */
  public static void skip(String reason) {
    System.out.println("skipped: " + reason);
    Assumptions.abort(reason);
  }
}
