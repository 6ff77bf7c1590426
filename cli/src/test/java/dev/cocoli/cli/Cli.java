package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;

/**
 * What a command line did.
 *
 * @param code the exit code
 * @param out what it printed
 * @param err what it complained about
 */
record Cli(int code, String out, String err) {
  /** Test data of the engine. */
  static final Path ENGINE = Path.of("../engine/src/test/resources");

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

  /** Checks that it went well. */
  Cli ok() {
    assertEquals(0, code, () -> "it failed:\n" + err + out);
    return this;
  }

  /** Checks that it failed with one line, which has all of these parts. */
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
