package dev.cocoli.cli;

import dev.cocoli.cli.options.RunOptions;
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
    subcommands = {
      DemoCommand.class,
      TrainCommand.class,
      EvalCommand.class,
      DetectCommand.class,
      ExportCommand.class,
      ProposalsCommand.class,
      FamilyCommand.class,
      DoctorCommand.class,
      HelpCommand.class
    },
    footer = {
      "",
      "Start with: cocoli demo. cocoli COMMAND --help has the most used options of a command,"
          + " --help-all has all. From the sources there are two more commands: bundle packs all of"
          + " it for a server without a JDK, selftest tests a device.",
      "",
      "Environment: COCOLI_JAVA_HOME is the JDK to use, COCOLI_JAVA_OPTS has options for it."
          + " COCOLI_CACHE is the folder for unpacked libraries and compiled kernels; else"
          + " XDG_CACHE_HOME/cocoli, or ~/.cache/cocoli, or cocoli-UID in the temporary folder: the"
          + " first that only you can write."
    })
final class CocoliCommand implements Runnable {
  @Option(
      names = RunOptions.DEBUG,
      scope = ScopeType.INHERIT,
      order = Integer.MAX_VALUE,
      description = "Print a stack trace with an error.")
  private boolean debug;

  @picocli.CommandLine.Spec private picocli.CommandLine.Model.CommandSpec spec;

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
