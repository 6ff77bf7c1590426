package dev.cocoli.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** Prints the help of a command, as its {@code --help} does. */
@Command(
    name = "help",
    description = "Prints the help of a command.",
    customSynopsis = "${COMMAND-FULL-NAME} [COMMAND]",
    helpCommand = true)
final class HelpCommand implements Runnable {
  @Parameters(
      paramLabel = "COMMAND",
      arity = "0..1",
      description = "The command. Default: none, which lists the commands.")
  private String name;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    CommandLine all = spec.parent().commandLine();
    CommandLine one = name == null ? all : all.getSubcommands().get(name);
    if (one == null) {
      throw new UnmatchedArgumentException(all, List.of(name));
    }
    one.usage(spec.commandLine().getOut());
  }
}
