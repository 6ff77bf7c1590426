package dev.cocoli.cli.options;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.cli.terminal.ErrorMessages;
import dev.cocoli.cli.terminal.TypedCommand;
import dev.cocoli.files.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * The options that a run was started with. Its config.json keeps them, so that {@code --resume}
 * needs no other option than {@code --out}.
 */
public final class RunOptions {
  public static final String DEBUG = "--debug";

  private static final String KEY = "options";

  /** The largest config.json that is read. */
  private static final int MOST_BYTES = 64 << 20;

  /** What belongs to a start and not to the run. */
  private static final Set<String> NOT_KEPT = Set.of("--out", "--resume", DEBUG);

  private RunOptions() {}

  /**
   * Returns the given options, one {@code --name=value} each.
   *
   * @param given the command line
   * @param splitIsFile whether the splits are names of files
   */
  public static List<String> of(ParseResult given, boolean splitIsFile) {
    List<String> words =
        words(
            given, (option, value) -> isFile(option, value, splitIsFile) ? absolute(value) : value);
    words.removeIf(word -> NOT_KEPT.contains(name(word)));
    return words;
  }

  private static boolean isFile(OptionSpec option, String value, boolean splitIsFile) {
    String name = option.longestName();
    return option.type() == Path.class
        || name.equals("--classes") && ClassesOption.isFile(value)
        || splitIsFile && name.endsWith("split") && Files.exists(Path.of(value));
  }

  /** The run may be resumed from another folder. */
  private static String absolute(String file) {
    return Path.of(file).toAbsolutePath().normalize().toString();
  }

  private static List<String> words(
      ParseResult given, BiFunction<OptionSpec, String, String> value) {
    List<String> words = new ArrayList<>();
    for (OptionSpec option : given.commandSpec().options()) {
      if (!given.hasMatchedOption(option)) {
        continue;
      }
      String name = option.longestName();
      if (option.arity().max() == 0) {
        words.add(Boolean.FALSE.equals(option.getValue()) ? name + "=false" : name);
        continue;
      }
      for (String word : option.originalStringValues()) {
        words.add(name + "=" + value.apply(option, word));
      }
    }
    return words;
  }

  private static String name(String word) {
    return word.split("=", 2)[0];
  }

  /**
   * Parses a command line again, together with the options of the run that it does not give. An
   * option given again takes the place of the run's; the trainer refuses one that does not agree.
   *
   * @param line the command line
   * @param run the folder of the run
   * @throws CommandException if the command line needs the options of the run, and there are none
   */
  public static void complete(CommandLine line, Path run) {
    Path config = run.resolve("config.json");
    ParseResult given = line.getParseResult();
    List<String> kept = read(config);
    if (kept.isEmpty() && !given.hasMatchedOption("--data")) {
      throw new CommandException(
          Files.exists(config)
              ? config
                  + " does not have the options that started the run: give --data, --model"
                  + " and all others again"
              : run + " holds no run to resume: it has no config.json");
    }
    List<String> all = new ArrayList<>();
    for (String word : kept) {
      OptionSpec option = line.getCommandSpec().findOption(name(word));
      if (option == null || option.isMultiValue() || !given.hasMatchedOption(option)) {
        all.add(word);
      }
    }
    all.addAll(words(given, (_, value) -> value));
    line.parseArgs(all.toArray(String[]::new));
  }

  /** Returns the words that tell the user how to go on with a run. */
  public static String goOn(Path run) {
    return "to go on: " + resume(run);
  }

  /** Returns the command that goes on with a run. */
  public static String resume(Path run) {
    return TypedCommand.name()
        + " train --out "
        + TypedCommand.quoted(run.toString())
        + " --resume";
  }

  /**
   * Returns the options in a config.json; none if it is not there, or was not written by this
   * command.
   */
  private static List<String> read(Path config) {
    List<String> words = new ArrayList<>();
    try {
      if (Files.exists(config)) {
        JsonNode root = new ObjectMapper().readTree(InputFile.read(config, MOST_BYTES));
        root.path(KEY).forEach(word -> words.add(word.asText()));
      }
      return words;
    } catch (JsonProcessingException e) {
      String reason = ErrorMessages.oneLine(e.getOriginalMessage());
      throw new CommandException(
          config + " is no valid JSON, so the run cannot be resumed: " + reason, e);
    } catch (IOException e) {
      throw new CommandException("cannot read " + config + ": " + ErrorMessages.of(e), e);
    }
  }
}
