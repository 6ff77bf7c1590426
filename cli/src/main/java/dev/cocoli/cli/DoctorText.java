package dev.cocoli.cli;

import dev.cocoli.backend.Backends;
import dev.cocoli.bindings.DoctorReport;
import dev.cocoli.bindings.DoctorReport.CudaDevice;
import dev.cocoli.bindings.LibraryReport;
import dev.cocoli.bindings.SearchedPlace;
import dev.cocoli.structures.Count;
import dev.cocoli.tensor.Device;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Formats a {@link DoctorReport} as text for people: first what can be used, then the details. */
final class DoctorText {
  private static final double GIB = 1024.0 * 1024 * 1024;
  private static final Device GPU = new Device(Device.Kind.CUDA, 0);

  /** The instruction sets that contain AVX-512 BF16, as oneDNN calls them. */
  private static final String WITH_BF16 = "avx512_core_(bf16|fp16|amx).*|avx10.*";

  private DoctorText() {}

  /** Prints whether each kind of device can be used, and what to do if not. */
  static void summary(DoctorReport report, PrintWriter out) {
    LibraryReport oneDnn = report.libraries().getFirst();
    if (oneDnn.problem().isEmpty()) {
      out.printf(
          "cpu: ready, %s, %s%n",
          new Count(report.cpu().processorCount(), "processor"),
          report.cpu().instructionSet().map(DoctorText::words).orElse("fp32"));
    } else {
      out.printf("cpu: cannot be used: %s; %s%n", oneDnn.problem().get(), oneDnn.remedy());
    }
    cuda(report, out);
    classPath(report, out);
    report.mixture().ifPresent(problem -> out.println("cuda: take care: " + problem));
    out.printf(
        "java: %s (%s), %s%n",
        Runtime.version(), System.getProperty("java.vm.vendor"), System.getProperty("java.home"));
    out.printf(
        "system: %s %s, %s%n",
        System.getProperty("os.name"),
        System.getProperty("os.version"),
        System.getProperty("os.arch"));
  }

  /** Returns what oneDNN's name of an instruction set means for training and detection. */
  private static String words(String instructionSet) {
    String width =
        instructionSet.startsWith("avx512") || instructionSet.startsWith("avx10")
            ? "AVX-512"
            : instructionSet.startsWith("avx2") ? "AVX2" : instructionSet;
    return width
        + (instructionSet.contains("amx") ? " with AMX" : "")
        + (instructionSet.matches(WITH_BF16) ? ", fp32 and bf16" : ", fp32");
  }

  private static void cuda(DoctorReport report, PrintWriter out) {
    if (Backends.problem(GPU).isEmpty()) {
      out.println("cuda: ready, and what --device auto chooses");
      report.cuda().devices().forEach(device -> print(device, out));
      return;
    }
    Optional<String> noDriver =
        report.cuda().problem().filter(_ -> report.cuda().driverVersion().isEmpty());
    List<LibraryReport> missing =
        report.libraries().stream().skip(1).filter(one -> one.problem().isPresent()).toList();
    if (noDriver.isPresent() || missing.isEmpty()) {
      String why = noDriver.or(report.cuda()::problem).or(() -> Backends.problem(GPU)).get();
      out.println("cuda: cannot be used: " + why);
      return;
    }
    out.println("cuda: cannot be used without these libraries:");
    for (LibraryReport library : missing) {
      out.printf("  %s: %s; %s%n", library.name(), library.problem().get(), library.remedy());
    }
  }

  /** Prints which libraries come from jars, which a user of the machine would not look for. */
  private static void classPath(DoctorReport report, PrintWriter out) {
    Map<Path, List<String>> names = new LinkedHashMap<>();
    for (LibraryReport library : report.libraries()) {
      library
          .place()
          .filter(SearchedPlace::isOfClassPath)
          .ifPresent(
              place ->
                  names
                      .computeIfAbsent(place.directory(), _ -> new ArrayList<>())
                      .add(library.name() + library.version().map(v -> " " + v).orElse("")));
    }
    names.forEach(
        (jar, libraries) ->
            out.printf(
                "cuda: %s of the class path: %s%n",
                jar.getFileName(), String.join(", ", libraries)));
  }

  private static void print(CudaDevice device, PrintWriter out) {
    out.printf(
        Locale.ROOT,
        "cuda:%d: %s, %.1f GiB, %d multiprocessors, compute capability %d.%d, at %s%n",
        device.index(),
        device.name(),
        device.memoryByteSize() / GIB,
        device.multiprocessorCount(),
        device.computeCapabilityMajor(),
        device.computeCapabilityMinor(),
        device.pciBusId());
  }

  /** Prints every library with the paths that were tried, and the places of the search. */
  static void details(DoctorReport report, PrintWriter out) {
    out.println();
    report
        .cpu()
        .instructionSet()
        .ifPresent(name -> out.printf("oneDNN   uses instructions up to %s%n", name));
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
    Backends.problem(GPU)
        .ifPresent(problem -> out.printf("%n--device cuda cannot be used: %s%n", problem));
  }

  private static void print(LibraryReport library, PrintWriter out) {
    if (library.problem().isEmpty()) {
      out.printf(
          "ok       %-15s %s, %s%s%n",
          library.name(),
          library.version().orElse("of unknown version"),
          library.file().map(Path::toString).orElse("built in"),
          library.place().map(DoctorText::origin).orElse(""));
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

  private static String origin(SearchedPlace place) {
    return place.isOfClassPath() ? " (of " + place.directory() + ")" : " (" + place.source() + ")";
  }

  private static boolean exists(Path place) {
    return Files.exists(place);
  }
}
