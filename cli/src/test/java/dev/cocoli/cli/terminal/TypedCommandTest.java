package dev.cocoli.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.cli.Main;
import dev.cocoli.cli.options.RunOptions;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TypedCommandTest {
  @AfterEach
  void forget() {
    System.clearProperty("cocoli.command");
  }

  private static String said(String typed, String... words) {
    System.setProperty("cocoli.command", typed);
    StringWriter said = new StringWriter();
    PrintWriter writer = new PrintWriter(said, true);
    Main.run(List.of(), writer, writer, words);
    return said.toString();
  }

  @Test
  void messagesNameTheCommandAsItWasTyped() {
    String help = said("./cocoli", "train", "--help");
    assertTrue(help.startsWith("Usage: ./cocoli train --data "), help);
    assertTrue(help.contains("\n       ./cocoli train --out RUN --resume\n"), help);
    assertTrue(help.contains("\n./cocoli train --help-all has "), help);
    assertTrue(said("./cocoli", "--help").contains("Start with: ./cocoli demo. ./cocoli COMMAND"));
    assertTrue(said("./cocoli", "help", "help").contains("Usage: ./cocoli help [COMMAND]"));
    String usage = said("../cocoli", "detect", "--nothing");
    assertTrue(usage.startsWith("cocoli: "), usage);
    assertTrue(usage.endsWith("(see ../cocoli detect --help)\n"), usage);
    for (String command : List.of("eval", "detect", "export", "proposals", "family")) {
      String shown = said("/opt/a copy/cocoli", command, "--help-all");
      assertTrue(shown.startsWith("Usage: '/opt/a copy/cocoli' " + command + " --"), shown);
      assertFalse(shown.contains("${"), shown);
    }
  }

  @Test
  void theWordsToGoOnBeginWithIt() {
    System.setProperty("cocoli.command", "./cocoli");
    assertEquals("to go on: ./cocoli train --out a --resume", RunOptions.goOn(Path.of("a")));
  }

  @Test
  void whatCannotBePrintedIsCalledByItsUsualName() {
    System.setProperty("cocoli.command", "/tmp/%s${x}/cocoli");
    assertEquals("cocoli", TypedCommand.name());
    System.clearProperty("cocoli.command");
    assertEquals("cocoli", TypedCommand.name());
  }
}
