package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Checks that a wrong command line gives one line of error, and that the help lists all options.
 */
class UsageTest {
  /** The options of each command, as designed. */
  private static final Map<String, List<String>> OPTIONS =
      Map.of(
          "demo",
          List.of("--out", "--device"),
          "train",
          List.of(
              "--data",
              "--images",
              "--format",
              "--split",
              "--val-split",
              "--model",
              "--proposals",
              "--val-proposals",
              "--weights",
              "--epochs",
              "--batch",
              "--lr",
              "--warmup",
              "--lr-steps",
              "--momentum",
              "--weight-decay",
              "--flip",
              "--min-size",
              "--max-size",
              "--norm",
              "--precision",
              "--device",
              "--seed",
              "--set",
              "--log-every",
              "--out",
              "--resume"),
          "eval",
          List.of(
              "--weights",
              "--data",
              "--split",
              "--json",
              "--ground-truth",
              "--detections",
              "--proposals",
              "--batch",
              "--model",
              "--classes"),
          "detect",
          List.of(
              "--weights",
              "--model",
              "--classes",
              "--min-size",
              "--max-size",
              "--score",
              "--proposals",
              "--precision",
              "--device",
              "--batch",
              "--json",
              "--out"),
          "export",
          List.of("--weights", "--model", "--classes", "--out", "--opset", "--parts", "--input"),
          "proposals",
          List.of(
              "--data", "--images", "--format", "--split", "--out", "--mode", "--max", "--threads"),
          "family",
          List.of(
              "--data",
              "--split",
              "--val-split",
              "--network",
              "--weights",
              "--epochs",
              "--batch",
              "--lr",
              "--set",
              "--timed",
              "--seed",
              "--device",
              "--out"),
          "doctor",
          List.of("--json", "--verbose"));

  /** Options that a command needs, and such as change nothing where they are left out. */
  private static final Set<String> WITHOUT_DEFAULT =
      Set.of(
          "--data",
          "--weights",
          "--model",
          "--out",
          "--split",
          "--ground-truth",
          "--detections",
          "--json",
          "--set");

  /** Lines of a usual terminal, without that of the command and that of the next prompt. */
  private static final int SCREEN = 22;

  @Test
  void theShortHelpFitsOnAScreenAndTheWholeHelpHasGroups() {
    String shown = Cli.run("train", "--help").ok().out();
    assertTrue(shown.lines().count() <= SCREEN, shown);
    assertTrue(shown.contains("--data=") && shown.contains("--resume"), shown);
    assertTrue(shown.contains("cocoli train --help-all has "), shown);
    assertFalse(shown.contains("--momentum"), shown);
    assertEquals(shown, Cli.run("help", "train").ok().out());
    String all = Cli.run("train", "--help-all").ok().out();
    int[] places =
        Stream.of("Most used:", "--data=", "Training:", "--momentum=", "Several devices:", "--help")
            .mapToInt(all::indexOf)
            .toArray();
    assertArrayEquals(IntStream.of(places).sorted().toArray(), places, all);
    assertTrue(places[0] > 0, all);
  }

  @Test
  void theFirstHelpHasALineForEachCommand() {
    String shown = Cli.run("--help").ok().out();
    assertTrue(shown.lines().count() <= SCREEN + 5, shown);
    for (String name :
        Main.commandLine(List.of(), false, CommandHelp.Extent.ALL_OPTIONS)
            .getSubcommands()
            .keySet()) {
      assertTrue(shown.lines().anyMatch(line -> line.matches("  " + name + " +[A-Z].*\\.")), shown);
    }
  }

  @Test
  void aCommandThatIsNamedFirstIsTheOnlyOneMade() {
    CommandLine all = CocoliCommand.of(List.of());
    assertTrue(all.getSubcommands().size() > 5);
    all.getSubcommands()
        .forEach(
            (name, command) -> {
              assertEquals(name, nameInAnnotation(command));
              if (!name.equals("help")) {
                CommandLine alone = CocoliCommand.of(List.of(), name, "--help");
                assertEquals(Set.of(name), alone.getSubcommands().keySet());
                assertEquals(
                    command.getUsageMessage(), alone.getSubcommands().get(name).getUsageMessage());
              }
            });
    assertEquals(
        all.getSubcommands().keySet(),
        CocoliCommand.of(List.of(), "help", "train").getSubcommands().keySet());
  }

  private static String nameInAnnotation(CommandLine line) {
    return line.getCommandSpec()
        .userObject()
        .getClass()
        .getAnnotation(CommandLine.Command.class)
        .name();
  }

  @Test
  void helpIsThereForKnownCommands() {
    assertEquals(Cli.run("--help").ok().out(), Cli.run("help").ok().out());
    String all = Cli.run("train", "--help-all").ok().out();
    assertEquals(all, Cli.run("train", "--help", "--help-all", "-h").ok().out());
    Cli.run("help", "trian").failed(2, "'trian'", "did you mean train?", "cocoli --help");
  }

  @Test
  void everyDefaultIsStated() {
    CommandLine top = Main.commandLine(List.of(), false, CommandHelp.Extent.SHORT_IF_MANY);
    int checked = 0;
    for (CommandLine command : top.getSubcommands().values()) {
      for (OptionSpec option : command.getCommandSpec().options()) {
        String text = String.join(" ", option.description());
        boolean isDue =
            option.arity().max() > 0
                && !option.hidden()
                && !WITHOUT_DEFAULT.contains(option.longestName());
        if (isDue) {
          checked++;
          assertTrue(
              text.contains("Default: "), command.getCommandName() + " " + option + ": " + text);
        }
      }
    }
    assertTrue(checked > 50, "" + checked);
  }

  @Test
  void helpNamesEveryOption() {
    String top = Cli.run("--help").ok().out();
    OPTIONS.forEach(
        (command, options) -> {
          assertTrue(top.contains(command), top);
          String help = Cli.run(command, "--help-all").ok().out();
          for (String option : options) {
            assertTrue(
                help.contains(option + "=")
                    || help.contains(option + "\n")
                    || help.contains(option + " "),
                command + " " + option + " in:\n" + help);
          }
          assertTrue(help.contains("--debug"), help);
        });
  }

  @Test
  void versionNamesJava() {
    assertTrue(Cli.run("--version").ok().out().contains("Java " + Runtime.version()));
  }

  @Test
  void commandIsNeededAndKnown() {
    Cli.run().failed(2, "demo, train, eval, detect, export, proposals, family, doctor");
    Cli.run("trian").failed(2, "unknown command 'trian'", "did you mean train?");
  }

  @Test
  void optionsAreKnownAndComplete() {
    Cli.run("train", "--epoch", "3").failed(2, "unknown option '--epoch'", "--epochs?");
    Cli.run("train", "data=d", "epochs=3").failed(2, "'data=d'", "did you mean --data=d?");
    Cli.run("train", "--data", "d", "--out", "o").failed(2, "--model");
    Cli.run("train", "--model", "m", "--out", "o").failed(2, "--data");
    Cli.run("detect", "--weights", "w").failed(2, "IMAGE");
    Cli.run("detect", "image.jpg").failed(2, "--weights");
    Cli.run("eval").failed(2, "--weights", "--ground-truth");
    Cli.run("eval", "--ground-truth", "g").failed(2, "--detections");
    Cli.run("eval", "--weights", "w").failed(2, "--data");
    Cli.run("eval", "--weights", "w", "--detections", "d").failed(2, "either");
  }

  @Test
  void noOptionIsIgnored() {
    Cli.run("detect", "--weights", "w", "--split", "val", "a.jpg").failed(2, "--split", "--data");
    Cli.run("detect", "--weights", "w", "--images", "i", "a.jpg").failed(2, "--images", "--data");
    Cli.run("detect", "--weights", "w", "--json", "x", "--out", "x/y", "a.jpg")
        .failed(2, "--json x", "--out x/y");
    Cli.run("eval", "--ground-truth", "g", "--detections", "d", "--min-size", "300")
        .failed(2, "--min-size belongs to --weights and --data");
    Cli.run("eval", "--weights", "w", "--data", "d", "--match", "file-name")
        .failed(2, "--match belongs to --ground-truth and --detections");
  }

  @Test
  void valuesAreChecked() {
    train("--epochs", "many").failed(2, "--epochs", "many");
    train("--epochs", "0").failed(2, "--epochs", "0");
    train("--lr", "-1").failed(2, "--lr", "-1");
    train("--lr-steps", "0.5,soon").failed(2, "--lr-steps", "soon");
    train("--lr-steps", "1.5").failed(2, "--lr-steps", "1.5");
    train("--flip", "2").failed(2, "--flip");
    train("--format", "yolo").failed(2, "--format", "auto, voc, coco", "yolo");
    train("--annotations", "keep").failed(2, "--annotations", "drop", "keep");
    train("--precision", "fp8").failed(2, "--precision", "bf16", "fp32", "fp8");
    train("--set", "box_head_size").failed(2, "--set");
    train("--epochs", "3", "--epochs", "4").failed(2, "--epochs");
    // checked before the data is read
    train("--norm", "layer").failed(2, "--norm", "layer");
    train("--set", "box_heads=3").failed(2, "unknown", "box_heads; fasterrcnn_resnet18_fpn has");
    assertFalse(train("--set", "box_heads=3").err().contains("warp_size"), "it is of R-CNN");
    Cli.run("train", "--data", "no-such-data", "--model", "yolo", "--out", "no-such-run")
        .failed(2, "yolo", "fasterrcnn_resnet50_fpn");
  }

  @Test
  void debugPrintsTheStack() {
    Cli cli = Cli.run("detect", "--weights", "no-such-file", "image.jpg", "--debug");
    assertEquals(1, cli.code());
    assertTrue(cli.err().contains("\tat dev.cocoli."), cli.err());
  }

  private static Cli train(String... options) {
    Object[] all = new Object[options.length + 7];
    List<String> start =
        List.of(
            "train",
            "--data",
            "no-such-data",
            "--model",
            "fasterrcnn_resnet18_fpn",
            "--out",
            "no-such-run");
    for (int i = 0; i < 7; i++) {
      all[i] = start.get(i);
    }
    System.arraycopy(options, 0, all, 7, options.length);
    return Cli.run(all);
  }
}
