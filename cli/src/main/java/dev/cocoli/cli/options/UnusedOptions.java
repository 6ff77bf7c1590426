package dev.cocoli.cli.options;

import java.util.function.Predicate;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** Refuses options that mean nothing beside the others, so that none is ignored. */
public final class UnusedOptions {
  private UnusedOptions() {}

  /**
   * Throws a usage error if such an option is on the command line.
   *
   * @param spec the command
   * @param unused whether the option of a name means nothing
   * @param owner the options with which it has a meaning
   */
  public static void refuse(CommandSpec spec, Predicate<String> unused, String owner) {
    spec.commandLine().getParseResult().matchedOptions().stream()
        .map(OptionSpec::longestName)
        .filter(unused)
        .findFirst()
        .ifPresent(
            name -> {
              throw new ParameterException(spec.commandLine(), name + " belongs to " + owner);
            });
  }
}
