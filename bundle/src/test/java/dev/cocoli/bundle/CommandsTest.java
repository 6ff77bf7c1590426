package dev.cocoli.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CommandsTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return dev.cocoli.cli.Main.run(
        Main.commands(), new PrintWriter(out, true), new PrintWriter(err, true), args);
  }

  @ParameterizedTest
  @CsvSource({
    "selftest --device tpu, unknown device 'tpu'",
    "selftest --device cpu --size big, no size of an image",
    "selftest --device cpu --batch 0, --batch is 1 or more",
    "prove wrong, unknown stage 'wrong'",
    "prove bccd, bccd takes the folder of its data",
    "prove right bccd /nowhere/bccd, bccd: there is no folder /nowhere/bccd",
    "prove --seconds 0, --seconds is 1 or more",
    "prove --device tpu, unknown device 'tpu'",
    "prove --size big, no size of an image",
    "prove --batch 0, --batch is 1 or more",
    "prove --model lenet, unknown model 'lenet'",
    "prove --python /nowhere/python, /nowhere/python is no program",
    "bundle --out /nowhere/at/all/b.tar.gz, there is no folder /nowhere/at/all",
    "bundle --oot x, unknown option"
  })
  void wrongCommandLinesAreOneLine(String line, String text) {
    assertEquals(2, run(line.split(" ")));
    assertEquals(1, err.toString().lines().count(), err.toString());
    assertTrue(err.toString().contains(text), err.toString());
  }

  @Test
  void othersAreStillThere() {
    assertEquals(0, run("--help"));
    for (String command : List.of("train", "detect", "selftest", "prove", "bundle")) {
      assertTrue(out.toString().contains("\n  " + command), out.toString());
    }
  }
}
