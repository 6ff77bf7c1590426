package dev.cocoli.testing;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import org.junit.jupiter.api.Assumptions;

/** Skips tests, and prints the reason, if a library of NVIDIA's is not installed. */
public final class Nvidia {
  private Nvidia() {}

  /**
   * {@return whether a library is installed}
   *
   * @param library the library
   */
  public static boolean has(NvidiaLibrary library) {
    return NvidiaLibraries.report(library).file().isPresent();
  }

  /**
   * Loads libraries and those that they need. If one is not installed, the test is skipped; if one
   * is installed and does not load, it fails.
   *
   * @param libraries the libraries
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
   * Skips a test that cannot run here.
   *
   * @param reason the reason
   */
  public static void skip(String reason) {
    System.out.println("skipped: " + reason);
    Assumptions.abort(reason);
  }
}
