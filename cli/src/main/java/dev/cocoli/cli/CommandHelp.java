package dev.cocoli.cli;

import dev.cocoli.cli.terminal.Terminal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * The help of a command, as wide as the terminal, with its options in groups. {@code --help} of a
 * command with many options has the most used ones, a sentence each, so that they fit on one
 * screen; {@code --help-all} has all.
 */
final class CommandHelp extends Help {
  /** The option that prints the whole help. */
  static final String ALL = "--help-all";

  /** How much of the help is printed. */
  enum Extent {
    SHORT_IF_MANY,
    ALL_OPTIONS
  }

  private static final int NARROWEST = 60;
  private static final int WIDEST = 120;

  /** A command with more options than these has a short help. */
  private static final int MANY = 15;

  private static final String MOST_USED = "Most used";
  private static final String OTHER = "Other";

  /** The options of each group, in the order of the help; a command shows those that it has. */
  private static final Map<String, List<String>> GROUPS = new LinkedHashMap<>();

  static {
    group(
        MOST_USED,
        "--data --split --val-split --weights --model --epochs --batch --lr --min-size --score"
            + " --device --json --out --resume");
    group("Files of detections", "--ground-truth --detections --match");
    group(
        "Data",
        "--images --val-images --val-fraction --format --classes --annotations --boxes --proposals"
            + " --val-proposals --broken-images");
    group("Model", "--max-size --norm --precision --set");
    group(
        "Training",
        "--warmup --lr-steps --momentum --weight-decay --clip-norm --flip --last-batch"
            + " --early-stop --seed --log-every");
    group("Several devices", "--bucket-size --gradient-precision --timeout --sync-batch-norm");
    group(OTHER, "");
    group("General", "--help --version --debug");
  }

  private final CommandSpec command;
  private final boolean isShort;

  CommandHelp(CommandSpec command, ColorScheme colours, Extent extent) {
    super(fitted(command), colours);
    this.command = command;
    this.isShort = extent == Extent.SHORT_IF_MANY && shown(command).size() > MANY;
  }

  private static CommandSpec fitted(CommandSpec command) {
    command.usageMessage().width(Math.clamp(Terminal.textColumns(), NARROWEST, WIDEST));
    return command;
  }

  private static void group(String heading, String names) {
    GROUPS.put(heading, List.of(names.split(" ")));
  }

  private static List<OptionSpec> shown(CommandSpec command) {
    return command.options().stream().filter(option -> !option.hidden()).toList();
  }

  @Override
  public String optionList() {
    Map<String, List<OptionSpec>> groups = grouped();
    if (isShort) {
      return list(groups.get(MOST_USED).stream().map(CommandHelp::inShort).toList());
    }
    return groups.entrySet().stream()
        .map(group -> heading(group.getKey(), groups.size()) + list(group.getValue()))
        .collect(Collectors.joining("%n".formatted()));
  }

  private String heading(String text, int groups) {
    return groups == 1
        ? ""
        : colorScheme().ansi().string("@|bold " + text + ":|@") + "%n".formatted();
  }

  /** The options in the order of the groups; those that no group names are in one of their own. */
  private Map<String, List<OptionSpec>> grouped() {
    List<OptionSpec> left = new ArrayList<>(shown(command));
    Map<String, List<OptionSpec>> groups = new LinkedHashMap<>();
    GROUPS.forEach(
        (heading, names) -> {
          List<OptionSpec> found =
              names.stream()
                  .map(command::findOption)
                  .filter(left::contains)
                  .collect(Collectors.toCollection(ArrayList::new));
          left.removeAll(found);
          groups.put(heading, found);
        });
    groups.get(OTHER).addAll(left);
    groups.values().removeIf(List::isEmpty);
    return groups;
  }

  private String list(List<OptionSpec> options) {
    Layout layout =
        createDefaultLayout(shown(command), command.positionalParameters(), colorScheme());
    return optionListExcludingGroups(options, layout, null, parameterLabelRenderer());
  }

  /** Each command with the first sentence of its description. */
  @Override
  public String commandList(Map<String, Help> commands) {
    int names = commands.keySet().stream().mapToInt(String::length).max().orElse(0) + 4;
    Column rest = new Column(command.usageMessage().width() - names, 0, Column.Overflow.WRAP);
    TextTable table =
        TextTable.forColumns(colorScheme(), new Column(names, 2, Column.Overflow.SPAN), rest);
    commands.forEach(
        (name, help) ->
            table.addRowValues(
                colorScheme().commandText(name),
                colorScheme().text(sentences(help.commandSpec().usageMessage().description())[0])));
    return table.toString();
  }

  private static String[] sentences(String[] description) {
    return String.join(" ", description).split("(?<=\\.)\\s+");
  }

  /** The same option with the first sentence of its description, and its default. */
  private static OptionSpec inShort(OptionSpec option) {
    List<String> sentences = List.of(sentences(option.description()));
    String text =
        Stream.concat(
                sentences.stream().limit(1),
                sentences.stream().skip(1).filter(one -> one.startsWith("Default:")))
            .collect(Collectors.joining(" "));
    return option.toBuilder().description(text).build();
  }

  /** Only the first page tells what concerns all commands. */
  @Override
  public String footer(Object... values) {
    if (command.parent() == null) {
      return super.footer(values);
    }
    int more = shown(command).size() - grouped().getOrDefault(MOST_USED, List.of()).size();
    return isShort
        ? "%n%s %s has %d more options.%n".formatted(command.qualifiedName(), ALL, more)
        : "";
  }
}
