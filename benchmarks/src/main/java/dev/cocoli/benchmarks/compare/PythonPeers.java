package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The Python interpreter that the peers run in, and our script that drives them. */
final class PythonPeers {
  private static final List<String> NEEDED = List.of("numpy", "torch", "torchvision");
  private static final List<String> NEEDED_FOR_ONNX = List.of("onnx", "onnxruntime");
  private static final List<String> NEEDED_FOR_FILES = List.of("onnx", "onnxruntime", "PIL");

  private final Path interpreter;
  private final Path script;
  private final Map<String, String> versions;

  private PythonPeers(Path interpreter, Path script, Map<String, String> versions) {
    this.interpreter = interpreter;
    this.script = script;
    this.versions = versions;
  }

  /**
   * Looks for the interpreter and the modules that it can import.
   *
   * @param given the interpreter, or null for that of the virtual environment
   * @param virtualEnvironment its folder, or null if none is active
   * @param script {@code peers.py}
   * @throws ComparisonException if there is none, or it lacks what every comparison needs
   */
  static PythonPeers find(Path given, String virtualEnvironment, Path script) {
    Path interpreter = given;
    if (interpreter == null) {
      if (virtualEnvironment == null || virtualEnvironment.isBlank()) {
        throw new ComparisonException(
            "which Python? Give one that has torch and torchvision with --python PATH, or activate"
                + " its virtual environment");
      }
      interpreter = Path.of(virtualEnvironment, "bin", "python");
    }
    if (!Files.isExecutable(interpreter)) {
      throw new ComparisonException(interpreter + " is no program; --python PATH names another");
    }
    Map<String, String> versions = probe(interpreter, script);
    List<String> missing = NEEDED.stream().filter(name -> versions.get(name) == null).toList();
    if (!missing.isEmpty()) {
      throw new ComparisonException(
          interpreter
              + " has no "
              + String.join(", no ", missing)
              + ": pip install "
              + String.join(" ", missing)
              + ", or name another with --python PATH");
    }
    return new PythonPeers(interpreter, script, versions);
  }

  private static Map<String, String> probe(Path interpreter, Path script) {
    try {
      Process process =
          new ProcessBuilder(interpreter.toString(), script.toString(), "probe")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String text = new String(process.getInputStream().readAllBytes());
      process.waitFor();
      JsonNode answer = new ObjectMapper().readTree(text);
      Map<String, String> versions = new LinkedHashMap<>();
      answer
          .properties()
          .forEach(
              entry ->
                  versions.put(
                      entry.getKey(),
                      entry.getValue().isNull() ? null : entry.getValue().asText()));
      if (versions.get("python") == null) {
        throw new ComparisonException(interpreter + " is no Python 3.9 or later");
      }
      return versions;
    } catch (JsonProcessingException e) {
      throw new ComparisonException(interpreter + " is no Python 3.9 or later", e);
    } catch (IOException e) {
      throw new ComparisonException(interpreter + " cannot be run: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ComparisonException("interrupted", e);
    }
  }

  /** {@return the installed versions; null for a module that is missing} */
  Map<String, String> versions() {
    return versions;
  }

  /** {@return the modules that ONNX Runtime needs and that are missing} */
  List<String> missingForOnnx() {
    return missing(NEEDED_FOR_ONNX);
  }

  /** {@return the modules that detecting on files with ONNX Runtime needs and that are missing} */
  List<String> missingForFiles() {
    return missing(NEEDED_FOR_FILES);
  }

  private List<String> missing(List<String> needed) {
    return needed.stream().filter(name -> versions.get(name) == null).toList();
  }

  /** {@return a command that runs the script} */
  List<String> command(String... arguments) {
    List<String> command =
        new ArrayList<>(List.of(interpreter.toString(), "-W", "ignore", script.toString()));
    command.addAll(List.of(arguments));
    return command;
  }
}
