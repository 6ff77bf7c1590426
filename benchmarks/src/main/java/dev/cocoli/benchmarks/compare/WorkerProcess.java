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
 * A process that does the work when it is asked to, and waits otherwise: a word on its standard
 * input is answered by a line of JSON. Lines that are no JSON, such as oneDNN's profile, are handed
 * on.
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
   * @param name for messages
   * @param command program and arguments
   * @param environment what is added to ours
   * @param folder where it runs, and leaves what it says on standard error
   * @param otherLines told of lines that are no JSON
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

  /** Runs the work once; returns the seconds that it took. */
  double run() {
    return ask("run").get("seconds").asDouble();
  }

  /** What the last run found. */
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

  /** The end of what it said on standard error. */
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

  /** Ends the process: the end of its input does, and if not, force. */
  @Override
  public void close() {
    try {
      requests.close();
      if (!process.waitFor(ENDING_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      process.destroyForcibly(); // it is gone or deaf
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
