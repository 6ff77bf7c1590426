package dev.cocoli.bundle.prove;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import dev.cocoli.files.OutputFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The lines and findings of a stage, and its time. Each line goes at once to the log {@code
 * STAGE.log} and, unless there are very many, to the terminal.
 */
final class StageReport implements AutoCloseable {
  /** The most lines of one check on the terminal. */
  private static final int SHOWN = 40;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final String stage;
  private final int seconds;
  private final Path folder;
  private final PrintWriter terminal;
  private final PrintWriter log;
  private final long began = System.nanoTime();
  private final List<Finding> findings = new ArrayList<>();
  private int shown;

  /**
   * Begins a stage.
   *
   * @param stage its name
   * @param seconds its time
   * @param folder of the log
   * @param terminal standard output
   */
  StageReport(String stage, int seconds, Path folder, PrintWriter terminal) throws IOException {
    this.stage = stage;
    this.seconds = seconds;
    this.folder = folder;
    this.terminal = terminal;
    log = new PrintWriter(Files.newBufferedWriter(folder.resolve(stage + ".log")), true);
    print("%s (%d s)".formatted(stage, seconds));
  }

  /** {@return the seconds until the stage's time is over, rounded up} */
  int secondsLeft() {
    return (int) Math.ceil(seconds - (System.nanoTime() - began) / 1e9);
  }

  /** {@return a limit in seconds, cut to the stage's time} */
  int limit(int wanted) {
    return Math.clamp(secondsLeft(), 1, wanted);
  }

  /** {@return what is found where the stage's time is over} */
  Finding leftOut(String check) {
    return new Finding(
        check, Verdict.FAILED, "left out: the %d s of %s are over".formatted(seconds, stage), 0);
  }

  /** Passes a line of a program on. */
  void line(String line) {
    log.println("  " + line);
    shown++;
    if (shown <= SHOWN) {
      terminal.println("  " + line);
      terminal.flush();
    } else if (shown == SHOWN + 1) {
      terminal.println("  (more in " + stage + ".log of --out)");
      terminal.flush();
    }
  }

  private void print(String line) {
    log.println(line);
    terminal.println(line);
    terminal.flush();
  }

  /** Adds a finding, and prints it. */
  void add(Finding finding) {
    findings.add(finding);
    shown = 0;
    print(
        String.format(
            Locale.ROOT,
            "%-44s %-7s %7.1f s  %s",
            finding.check(),
            word(finding),
            finding.seconds(),
            finding.detail()));
  }

  /** Prints a text of several lines. */
  void text(String text) {
    text.lines().forEach(this::print);
  }

  private static String word(Finding finding) {
    return finding.verdict().name().toLowerCase(Locale.ROOT);
  }

  boolean isEmpty() {
    return findings.isEmpty();
  }

  boolean hasFailed() {
    return findings.stream().anyMatch(finding -> finding.verdict() == Verdict.FAILED);
  }

  /**
   * The rows of the table: a group's checks that passed are one row with the sums of their tests.
   *
   * @return stage, check, verdict, seconds, detail
   */
  List<List<String>> rows() {
    Map<String, List<Finding>> passed = new LinkedHashMap<>();
    Map<String, List<String>> rows = new LinkedHashMap<>();
    for (Finding finding : findings) {
      String group = Check.group(finding.check());
      if (finding.verdict() == Verdict.OK && !group.equals(finding.check())) {
        passed.computeIfAbsent(group, g -> new ArrayList<>()).add(finding);
        rows.put(group, List.of()); // its place
      } else {
        rows.put(finding.check() + "#" + rows.size(), row(finding));
      }
    }
    passed.forEach((group, all) -> rows.put(group, row(sum(group, all))));
    return List.copyOf(rows.values());
  }

  private static Finding sum(String group, List<Finding> all) {
    double seconds = all.stream().mapToDouble(Finding::seconds).sum();
    double tests = all.stream().mapToDouble(f -> f.figures().getOrDefault("passed", 0.0)).sum();
    double skipped = all.stream().mapToDouble(f -> f.figures().getOrDefault("skipped", 0.0)).sum();
    String detail =
        String.format(
            Locale.ROOT, "%.0f passed, %.0f skipped, in %d classes", tests, skipped, all.size());
    return new Finding(group, Verdict.OK, detail, seconds);
  }

  private List<String> row(Finding finding) {
    return List.of(
        stage,
        finding.check(),
        word(finding),
        String.format(Locale.ROOT, "%.1f s", finding.seconds()),
        finding.detail());
  }

  /** Writes {@code STAGE.json}. */
  void write(Request request) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.put("stage", stage);
    json.put("device", request.device().toString());
    json.put("model", request.model());
    json.put("size", request.size().toString());
    json.put("limit_seconds", seconds);
    json.put("seconds", (System.nanoTime() - began) / 1e9);
    json.put("failed", hasFailed());
    json.set("findings", JSON.valueToTree(findings));
    String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
    OutputFile.write(folder.resolve(stage + ".json"), text.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    log.close();
  }
}
