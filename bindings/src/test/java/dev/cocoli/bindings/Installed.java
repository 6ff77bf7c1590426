package dev.cocoli.bindings;

import org.junit.jupiter.api.Assumptions;

/** Skips a test, and prints the reason, if it needs a library that the machine does not have. */
final class Installed {
  private Installed() {}

  /**
   * Loads a library. If it is not installed, the test is skipped; if it is installed and does not
   * load, it fails.
   */
  static void require(NvidiaLibrary library) {
    if (NvidiaLibraries.report(library).file().isEmpty()) {
      skip(library.displayName() + " is not installed (set COCOLI_LIBRARY_PATH or VIRTUAL_ENV)");
    }
    for (NvidiaLibrary needed : library.needs()) {
      if (NvidiaLibraries.report(needed).file().isEmpty()) {
        skip(
            needed.displayName() + " is not installed, and " + library.displayName() + " needs it");
      }
    }
    NvidiaLibraries.load(library);
  }

  static void skip(String reason) {
    System.out.println("skipped: " + reason);
    Assumptions.abort(reason);
  }
}
