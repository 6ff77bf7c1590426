package dev.cocoli.benchmarks.compare;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Reads this process's memory figures from the operating system. */
public final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private ProcessMemory() {}

  /** {@return the peak of the resident bytes; 0 where the system does not provide it} */
  public static long peakBytes() {
    return bytes("VmHWM:");
  }

  /** {@return the resident bytes; 0 where the system does not provide it} */
  public static long residentBytes() {
    return bytes("VmRSS:");
  }

  private static long bytes(String field) {
    if (!Files.exists(STATUS)) {
      return 0;
    }
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.startsWith(field))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
