package dev.cocoli.benchmarks.compare;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The machine and the software versions of a comparison, without which its figures mean nothing.
 */
final class Circumstances {
  private Circumstances() {}

  static void describe(
      Report report, Work work, Path root, PythonPeers python, int warmUps, int rounds) {
    report.circumstance(
        "machine",
        processor()
            + ", "
            + Runtime.getRuntime().availableProcessors()
            + " processors, "
            + System.getProperty("os.name")
            + " "
            + System.getProperty("os.version"));
    report.circumstance(
        "Java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    report.circumstance(
        "Python",
        python.versions().entrySet().stream()
            .filter(entry -> entry.getValue() != null)
            .map(Map.Entry::toString)
            .map(text -> text.replace('=', ' '))
            .collect(Collectors.joining(", ")));
    report.circumstance("commit", commit(root));
    report.circumstance(
        "work",
        "%s, %s (height x width), batch %d, %d threads, device %s"
            .formatted(work.model(), work.size(), work.batch(), work.threads(), work.device()));
    report.circumstance(
        "figures",
        "medians of %d rounds in turn after %d to warm up; ratio is theirs / Cocoli's; memory is the"
                .formatted(rounds, warmUps)
            + " peak of resident memory");
  }

  private static String processor() {
    Path file = Path.of("/proc/cpuinfo");
    if (!Files.exists(file)) {
      return System.getProperty("os.arch");
    }
    try (Stream<String> lines = Files.lines(file)) {
      String all =
          lines
              .filter(line -> line.startsWith("model name") || line.startsWith("flags"))
              .limit(2)
              .collect(Collectors.joining("\n"));
      String name = all.lines().findFirst().orElse("?").replaceFirst(".*: *", "");
      String sets =
          Stream.of("avx2", "avx512f", "avx512_bf16", "amx_bf16")
              .filter(set -> all.matches("(?s).*\\b" + set + "\\b.*"))
              .collect(Collectors.joining(", "));
      return name + " (" + sets + ")";
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }

  private static String commit(Path root) {
    try {
      Process process =
          new ProcessBuilder(
                  "git", "-C", root.toString(), "describe", "--always", "--dirty", "--abbrev=12")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String text = new String(process.getInputStream().readAllBytes()).strip();
      return text.isEmpty() ? "unknown" : text;
    } catch (IOException e) {
      return "unknown";
    }
  }
}
