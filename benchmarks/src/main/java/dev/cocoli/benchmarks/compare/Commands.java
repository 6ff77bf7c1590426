package dev.cocoli.benchmarks.compare;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Runs programs to their end, and builds the command lines of our own. */
final class Commands {
  /** The JVM options of {@code ./cocoli}. */
  private static final List<String> JVM_OPTIONS =
      List.of(
          "--enable-native-access=ALL-UNNAMED",
          "-XX:+UseSerialGC",
          "-Xms32m", // as ./cocoli
          "-Djava.awt.headless=true");

  private Commands() {}

  /**
   * {@return the command that starts a class of ours with the given number of computing threads}
   */
  static List<String> java(int threads, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(JVM_OPTIONS);
    command.add("-Dcocoli.threads=" + threads);
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main.getName());
    command.addAll(List.of(arguments));
    return command;
  }

  /**
   * Runs a program to its end.
   *
   * @param name the name for messages
   * @param command program and arguments
   * @param environment variables added to ours
   * @param folder the folder for its output
   * @return its standard output
   * @throws ComparisonException if it fails
   */
  static String run(String name, List<String> command, Map<String, String> environment, Path folder)
      throws IOException {
    Path log = folder.resolve(name + ".log");
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(log.toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes());
    try {
      int code = process.waitFor();
      if (code != 0) {
        List<String> said = Files.readAllLines(log).stream().filter(l -> !l.isBlank()).toList();
        throw new ComparisonException(
            name + " failed (" + code + "): " + (said.isEmpty() ? "" : said.getLast().strip()));
      }
      return output;
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new ComparisonException(name + " was interrupted", e);
    }
  }
}
