package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A process that runs the work on request. A request is a word on its standard input, and the
 * answer a line of JSON. Other lines, such as oneDNN's profile, are passed on.
 */
final class WorkerProcess implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int ENDING_SECONDS = 20;

  private final String name;
  private final Process process;
  private final Path log;
  private final BufferedWriter requests;
  private final BufferedReader answers;
  private final Consumer<String> otherLines;

  private WorkerProcess(String name, Process process, Path log, Consumer<String> otherLines) {
    this.name = name;
    this.process = process;
    this.log = log;
    this.otherLines = otherLines;
    requests = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /**
   * Starts a process.
   *
   * @param name the name for messages
   * @param command program and arguments
   * @param environment variables added to ours
   * @param folder the folder in which it runs and its standard error is stored
   * @param otherLines receives the lines that are not JSON
   */
  static WorkerProcess start(
      String name,
      List<String> command,
      Map<String, String> environment,
      Path folder,
      Consumer<String> otherLines)
      throws IOException {
    Path log = folder.resolve(name + ".log");
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(log.toFile());
    builder.environment().putAll(environment);
    return new WorkerProcess(name, builder.start(), log, otherLines);
  }

  /** Runs the work once; returns its seconds. */
  double run() {
    return ask("run").get("seconds").asDouble();
  }

  /** The result of the last run. */
  Found result() {
    return Found.of(ask("result"));
  }

  /** The peak of its resident bytes. */
  long peakBytes() {
    return ask("memory").get("bytes").asLong();
  }

  private JsonNode ask(String request) {
    try {
      requests.write(request);
      requests.newLine();
      requests.flush();
      for (String line = answers.readLine(); line != null; line = answers.readLine()) {
        if (line.startsWith("{")) {
          return JSON.readTree(line);
        }
        otherLines.accept(line);
      }
      throw new ComparisonException(name + " ended: " + lastWords());
    } catch (JsonProcessingException e) {
      throw new ComparisonException(name + " does not answer in JSON", e);
    } catch (IOException e) {
      throw new ComparisonException(name + " does not answer: " + lastWords(), e);
    }
  }

  /** The end of its standard error. */
  private String lastWords() {
    try {
      process.waitFor(ENDING_SECONDS, TimeUnit.SECONDS);
      List<String> lines =
          Files.readAllLines(log).stream().filter(line -> !line.isBlank()).toList();
      return lines.isEmpty() ? "it does not say why" : lines.getLast().strip();
    } catch (IOException e) {
      return "its log cannot be read: " + e.getMessage();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "interrupted";
    }
  }

  /** Ends the process by ending its input, and by force if that does not suffice. */
  @Override
  public void close() {
    try {
      requests.close();
      if (!process.waitFor(ENDING_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      process.destroyForcibly(); // it has ended or does not react
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
