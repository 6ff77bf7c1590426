package dev.cocoli.cli;

import dev.cocoli.cli.options.RunOptions;
import dev.cocoli.cli.terminal.TypedCommand;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The root command, which lists the other commands. */
@Command(
    name = "cocoli",
    description = "Trains and runs R-CNN object detectors.",
    synopsisSubcommandLabel = "COMMAND",
    versionProvider = CocoliCommand.Version.class,
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    sortOptions = false,
    optionListHeading = "%n",
    commandListHeading = "%nCommands:%n",
    footer = {
      "",
      "Start with: ${COMMAND-NAME} demo. ${COMMAND-NAME} COMMAND --help has the most used options"
          + " of a command, --help-all has all. From the sources there are two more commands:"
          + " bundle packs all of it for a server without a JDK, selftest tests a device.",
      "",
      "Environment: COCOLI_JAVA_HOME is the JDK to use, COCOLI_JAVA_OPTS has options for it."
          + " COCOLI_CACHE is the folder for unpacked libraries and compiled kernels; else"
          + " XDG_CACHE_HOME/cocoli, or ~/.cache/cocoli, or cocoli-UID in the temporary folder: the"
          + " first that only you can write."
    })
final class CocoliCommand implements Runnable {
  private static final Map<String, Supplier<Object>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("demo", DemoCommand::new);
    COMMANDS.put("train", TrainCommand::new);
    COMMANDS.put("eval", EvalCommand::new);
    COMMANDS.put("detect", DetectCommand::new);
    COMMANDS.put("export", ExportCommand::new);
    COMMANDS.put("proposals", ProposalsCommand::new);
    COMMANDS.put("family", FamilyCommand::new);
    COMMANDS.put("doctor", DoctorCommand::new);
    COMMANDS.put("help", HelpCommand::new);
  }

  @Option(
      names = RunOptions.DEBUG,
      scope = ScopeType.INHERIT,
      order = Integer.MAX_VALUE,
      description = "Print a stack trace with an error.")
  private boolean debug;

  @picocli.CommandLine.Spec private picocli.CommandLine.Model.CommandSpec spec;

  /**
   * {@return the command line for some words: with all commands, or with the one that the first
   * word names, because reading the options of all takes a fifth of a second}
   *
   * @param others additional commands, as picocli takes them
   * @param words a command and its options
   */
  static CommandLine of(List<Object> others, String... words) {
    CommandLine top = new CommandLine(new CocoliCommand()).setCommandName(TypedCommand.name());
    Supplier<Object> only =
        words.length == 0 || words[0].equals("help") ? null : COMMANDS.get(words[0]);
    if (only != null) {
      return top.addSubcommand(words[0], only.get());
    }
    COMMANDS.forEach((name, command) -> top.addSubcommand(name, command.get()));
    others.forEach(top::addSubcommand);
    return top;
  }

  @Override
  public void run() {
    throw new picocli.CommandLine.ParameterException(
        spec.commandLine(),
        "which command? There are " + String.join(", ", spec.subcommands().keySet()));
  }

  /** Provides the text of {@code --version}. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = CocoliCommand.class.getPackage().getImplementationVersion();
      return new String[] {
        "cocoli " + (version == null ? "(not packaged)" : version),
        "Java " + Runtime.version() + ", " + System.getProperty("java.vm.vendor")
      };
    }
  }
}
