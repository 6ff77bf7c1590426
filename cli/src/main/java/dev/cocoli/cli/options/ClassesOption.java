package dev.cocoli.cli.options;

import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.data.formats.TextLines;
import dev.cocoli.detection.CocoClasses;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The option {@code --classes}: the number of classes, or their names. */
public final class ClassesOption {
  @Option(
      names = "--classes",
      paramLabel = "N|FILE|coco",
      description =
          "The classes without the background: their number; a file with one name per line, that of"
              + " label 1 first; or coco, those of torchvision's COCO weights. Needed for weights"
              + " that do not name them. For data no number. In train it names those of bare"
              + " --weights if it has as many, and coco always does. Default: those of the weights,"
              + " or those found in the data.")
  private String value;

  private static final String COCO = "coco";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /** Whether a value of the option is the name of a file. */
  static boolean isFile(String value) {
    return !value.equals(COCO);
  }

  /** Whether the classes are those of torchvision's weights for COCO. */
  public boolean isCoco() {
    return COCO.equals(value);
  }

  boolean isGiven() {
    return value != null;
  }

  /** Whether only the number of classes is known. */
  boolean isNumber() {
    return value != null && value.matches("\\d{1,6}");
  }

  /** Returns the names that are given, not numbers; empty without the option. */
  public Optional<List<String>> fromFile() {
    if (value == null) {
      return Optional.empty();
    }
    if (isNumber()) {
      throw new ParameterException(
          spec.commandLine(), "--classes: the names are needed here, a file with one per line");
    }
    return Optional.of(isCoco() ? CocoClasses.TORCHVISION : read(Path.of(value)));
  }

  /** Returns the names; 1, 2, ... if only their number is known. */
  Optional<List<String>> names() {
    if (!isNumber()) {
      return fromFile();
    }
    int count = Integer.parseInt(value);
    if (count == 0) {
      throw new ParameterException(spec.commandLine(), "--classes: there is at least one");
    }
    return Optional.of(IntStream.rangeClosed(1, count).mapToObj(Integer::toString).toList());
  }

  private List<String> read(Path file) {
    List<String> names;
    try {
      names = TextLines.read(file);
    } catch (IOException e) {
      throw new CommandException("--classes: " + e.getMessage(), e);
    }
    if (names.isEmpty()) {
      throw new CommandException(file + " (--classes) names no class");
    }
    return names;
  }
}
