package dev.cocoli.cli;

import dev.cocoli.backend.Backends;
import dev.cocoli.bindings.DoctorReport;
import dev.cocoli.bindings.DoctorReport.CudaDevice;
import dev.cocoli.bindings.LibraryReport;
import dev.cocoli.bindings.SearchedPlace;
import dev.cocoli.tensor.Device;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Formats a {@link DoctorReport} as text for people. */
final class DoctorText {
  private static final double GIB = 1024.0 * 1024 * 1024;

  private DoctorText() {}

  static void print(DoctorReport report, PrintWriter out) {
    out.printf(
        "java     %s (%s), %s%n",
        Runtime.version(), System.getProperty("java.vm.vendor"), System.getProperty("java.home"));
    out.printf(
        "system   %s %s, %s%n",
        System.getProperty("os.name"),
        System.getProperty("os.version"),
        System.getProperty("os.arch"));
    out.printf(
        "cpu      %d processor%s, %s%n",
        report.cpu().processorCount(),
        report.cpu().processorCount() == 1 ? "" : "s",
        report.cpu().instructionSet().orElse("oneDNN does not say what it can do"));
    for (CudaDevice device : report.cuda().devices()) {
      out.printf(
          Locale.ROOT,
          "cuda:%d   %s, %.1f GiB, %d multiprocessors, compute capability %d.%d, at %s%n",
          device.index(),
          device.name(),
          device.memoryByteSize() / GIB,
          device.multiprocessorCount(),
          device.computeCapabilityMajor(),
          device.computeCapabilityMinor(),
          device.pciBusId());
    }
    report.cuda().problem().ifPresent(problem -> out.printf("cuda     none: %s%n", problem));
    report
        .cuda()
        .driverVersion()
        .ifPresent(version -> out.printf("driver   runs CUDA up to %s%n", version));
    out.println();
    report.libraries().forEach(library -> print(library, out));
    out.println();
    out.println("NVIDIA's libraries were looked for in");
    for (SearchedPlace place : report.places()) {
      out.printf(
          "  %s (%s)%s%n",
          place.directory(), place.source(), exists(place.directory()) ? "" : ", not there");
    }
    out.println();
    Device gpu = new Device(Device.Kind.CUDA, 0);
    out.println(
        Backends.problem(gpu)
            .map(problem -> "--device cuda cannot be used: " + problem)
            .orElse("--device cuda can be used, and is what auto chooses."));
  }

  private static void print(LibraryReport library, PrintWriter out) {
    if (library.problem().isEmpty()) {
      out.printf(
          "ok       %-15s %s, %s%n",
          library.name(),
          library.version().orElse("of unknown version"),
          library.file().map(Path::toString).orElse("built in"));
      return;
    }
    out.printf(
        "%s %-15s %s%n",
        library.file().isPresent() ? "broken  " : "missing ",
        library.name(),
        library.problem().get());
    if (library.file().isPresent()) {
      out.printf("           found %s%n", library.file().get());
    } else {
      for (Path tried : library.tried()) {
        out.printf("           tried %s%n", tried);
      }
    }
    out.printf("           %s%n", library.remedy());
  }

  private static boolean exists(Path directory) {
    return Files.isDirectory(directory);
  }
}
