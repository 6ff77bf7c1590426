package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/**
 * The result of a command line.
 *
 * @param code the exit code
 * @param out its standard output
 * @param err its standard error
 */
record Cli(int code, String out, String err) {
  private static final Path ENGINE = Path.of("../engine/src/test/resources");

  /** Copies a file of the engine's test data, which is stored compressed, into a folder. */
  static Path unpack(String name, Path folder) throws IOException {
    Path target = folder.resolve(Path.of(name).getFileName());
    try (InputStream packed = Files.newInputStream(ENGINE.resolve(name + ".gz"));
        InputStream content = new GZIPInputStream(packed)) {
      Files.copy(content, target);
    }
    return target;
  }

  /** Reads a file of the engine's test data that is stored uncompressed. */
  static byte[] read(String name) throws IOException {
    return Files.readAllBytes(ENGINE.resolve(name));
  }

  /** Runs a command in this process. */
  static Cli run(Object... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] words = new String[args.length];
    for (int i = 0; i < args.length; i++) {
      words[i] = args[i].toString();
    }
    int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), words);
    return new Cli(code, out.toString(), err.toString());
  }

  /** Checks that it succeeded. */
  Cli ok() {
    assertEquals(0, code, () -> "it failed:\n" + err + out);
    return this;
  }

  /** Checks that it failed with one line that contains all of these parts. */
  Cli failed(int expectedCode, String... parts) {
    assertEquals(expectedCode, code, () -> "another exit code:\n" + err + out);
    assertEquals(1, err.lines().count(), () -> "not one line:\n" + err);
    assertTrue(err.startsWith("cocoli: "), err);
    for (String part : parts) {
      assertTrue(err.contains(part), () -> "no '" + part + "' in: " + err);
    }
    return this;
  }
}
