package dev.cocoli.bindings;

import dev.cocoli.bindings.cache.CacheDirectory;
import dev.cocoli.bindings.onednn.OneDnn;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Examines the machine: loads every library that is installed, reads its version, and lists the
 * devices. A missing library becomes a line of the report, never an exception.
 */
public final class Doctor {
  private Doctor() {}

  /**
   * Examines this machine. This loads several hundred megabytes of libraries and can take seconds,
   * and longer if they have to be unpacked from jars first.
   *
   * @return the libraries and devices, and what is missing
   */
  public static DoctorReport examine() {
    List<LibraryReport> libraries = new ArrayList<>();
    libraries.add(oneDnn());
    for (NvidiaLibrary library : NvidiaLibrary.values()) {
      libraries.add(nvidia(library));
    }
    return new DoctorReport(libraries, NvidiaLibraries.places(), cpu(), CudaDevices.examine());
  }

  private static LibraryReport oneDnn() {
    String remedy =
        "add the jar dev.cocoli:cocoli-natives to the class path, and see that one of these can be"
            + " written and executed from: "
            + CacheDirectory.describe();
    try {
      Path file = OneDnn.load();
      return new LibraryReport(
          "oneDNN",
          Optional.of(file),
          Optional.empty(),
          Optional.of(LibraryVersions.oneDnn()),
          List.of(file),
          Optional.empty(),
          remedy);
    } catch (NativeException e) {
      return new LibraryReport(
          "oneDNN",
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          List.of(),
          Optional.of(problem("oneDNN", e)),
          remedy);
    }
  }

  private static LibraryReport nvidia(NvidiaLibrary library) {
    LibraryReport found = NvidiaLibraries.report(library);
    if (found.file().isEmpty()) {
      return found;
    }
    try {
      NvidiaLibraries.load(library);
      return NvidiaLibraries.report(library);
    } catch (NativeException e) {
      return new LibraryReport(
          found.name(),
          found.file(),
          found.place(),
          found.version(),
          found.tried(),
          Optional.of(problem(found.name(), e)),
          found.remedy());
    }
  }

  /** The message of an exception, without the library's name if it is the same as in the report. */
  private static String problem(String library, NativeException e) {
    String prefix = library + ": ";
    return e.getMessage().startsWith(prefix)
        ? e.getMessage().substring(prefix.length())
        : e.getMessage();
  }

  private static DoctorReport.Cpu cpu() {
    int processors = Runtime.getRuntime().availableProcessors();
    try {
      return new DoctorReport.Cpu(Optional.of(OneDnn.instructionSet()), processors);
    } catch (NativeException e) {
      // the reason is in the library's own line of the report
      return new DoctorReport.Cpu(Optional.empty(), processors);
    }
  }
}
