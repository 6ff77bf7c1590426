package dev.cocoli.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The command line on a pseudo terminal, which {@code script} of util-linux makes. */
final class PseudoTerminal implements AutoCloseable {
  private static final int CTRL_C = 3;
  private static final int TIMEOUT_SECONDS = 600;

  /** Text, or one of the control sequences that a bar uses. */
  private static final Pattern PART = Pattern.compile("\r|\n|\u001b\\[K|[^\r\n\u001b]+|\u001b");

  private final Path record;
  private final Process process;

  /**
   * Starts a command.
   *
   * @param columns the width of the terminal
   * @param record the file for what the terminal receives
   * @param words the command and its options
   */
  PseudoTerminal(int columns, Path record, List<String> words) throws IOException {
    requireScript();
    this.record = record;
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(words);
    String line =
        command.stream()
            .map(word -> "'" + word + "'")
            .collect(Collectors.joining(" ", "stty cols " + columns + " rows 24; exec ", ""));
    ProcessBuilder builder =
        new ProcessBuilder("script", "-qfec", line, "/dev/null")
            .redirectErrorStream(true)
            .redirectOutput(record.toFile());
    builder.environment().put("TERM", "xterm-256color");
    process = builder.start();
  }

  private static void requireScript() throws IOException {
    boolean found =
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "script")));
    if (!found || !System.getProperty("os.name").equals("Linux")) {
      System.out.println("skipped: there is no script of util-linux to make a terminal");
      Assumptions.abort("there is no script of util-linux to make a terminal");
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  void pressCtrlC() throws IOException {
    process.getOutputStream().write(CTRL_C);
    process.getOutputStream().flush();
  }

  /** Waits until the command ends, and returns its exit code. */
  int awaitEnd() throws Exception {
    if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("it does not end: " + received());
    }
    return process.exitValue();
  }

  /** Returns all that the terminal received. */
  String received() throws IOException {
    return Files.readString(record);
  }

  /** Returns the lines that remain on the terminal. */
  List<String> screen() throws IOException {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    int column = 0;
    for (Matcher part = PART.matcher(received()); part.find(); ) {
      switch (part.group()) {
        case "\r" -> column = 0;
        case "\u001b[K" -> line.setLength(Math.min(column, line.length()));
        case "\n" -> {
          lines.add(line.toString());
          line.setLength(0);
        }
        default -> {
          String text = part.group();
          line.replace(column, Math.min(column + text.length(), line.length()), text);
          column += text.length();
        }
      }
    }
    lines.add(line.toString());
    return lines;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
