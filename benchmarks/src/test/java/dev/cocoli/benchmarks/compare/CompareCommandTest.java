package dev.cocoli.benchmarks.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareCommandTest {
  private static final Path SCRIPT = Path.of("src/main/python/peers.py");

  @TempDir private Path folder;

  private static void fails(int code, String line, String... arguments) {
    StringWriter said = new StringWriter();
    int actual =
        CompareCommand.run(new PrintWriter(said, true), new PrintWriter(said, true), arguments);
    assertEquals("compare: " + line, said.toString().strip());
    assertEquals(code, actual);
  }

  /** An interpreter that prints the same answer to every command. */
  private Path python(String answer) throws IOException {
    Path file = folder.resolve("python");
    Files.writeString(file, "#!/bin/sh\necho '" + answer + "'\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    return file;
  }

  @Test
  void wrongUsageIsOneLine() {
    fails(2, "torchvision has no model 'resnet' (see --help)", "--model", "resnet");
    fails(
        2,
        "no size of an image: '800'; it is HEIGHTxWIDTH, such as 800x1088 (see --help)",
        "--size",
        "800");
    fails(
        2,
        "--batch, --threads, --rounds and --warm-ups are 1 or more (see --help)",
        "--rounds",
        "0");
    fails(
        2,
        "unknown peer 'tensorflow': they are torchvision, torchvision-channels-last, onnxruntime,"
            + " torchvision-bf16 (see --help)",
        "--peers",
        "tensorflow");
    fails(2, "unknown device 'tpu': it is cpu, cuda or cuda:INDEX (see --help)", "--device", "tpu");
  }

  @Test
  void aPythonWithoutTorchIsOneLine() throws IOException {
    Path python =
        python(
            "{\"python\": \"3.12.1\", \"numpy\": \"2\", \"torch\": null, \"torchvision\": null}");
    fails(
        1,
        python
            + " has no torch, no torchvision: pip install torch torchvision, or name another with"
            + " --python PATH",
        "--python",
        python.toString());
  }

  @Test
  void noPythonIsOneLine() throws IOException {
    fails(
        1,
        "/nowhere/python is no program; --python PATH names another",
        "--python",
        "/nowhere/python");
    Path python = python("hello");
    fails(1, python + " is no Python 3.9 or later", "--python", python.toString());
  }

  @Test
  void aPeerAskedForByNameIsNotLeftOut() throws IOException {
    Path python =
        python(
            "{\"python\": \"3.12.1\", \"numpy\": \"2\", \"torch\": \"2\", \"torchvision\": \"0\","
                + " \"onnx\": null, \"onnxruntime\": \"1\"}");
    fails(
        1,
        "onnxruntime was left out: Python has no onnx",
        "--python",
        python.toString(),
        "--peers",
        "onnxruntime");
  }

  @Test
  @Tag("slow")
  void theScriptAnswersAProbeWithWhateverPythonThereIs() {
    List<Path> found =
        Stream.of(System.getenv("PATH").split(":"))
            .map(place -> Path.of(place, "python3"))
            .filter(Files::isExecutable)
            .toList();
    assumeTrue(!found.isEmpty(), "no python3 on the PATH to try the script with");
    try {
      PythonPeers peers = PythonPeers.find(found.getFirst(), null, SCRIPT);
      assertTrue(peers.versions().get("torch") != null, "taken without torch");
    } catch (ComparisonException e) {
      assertTrue(e.getMessage().startsWith(found.getFirst() + " has no "), e.getMessage());
    }
  }
}
