package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.cli.options.RunOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Checks which options a run keeps, and how they complete a later command line. */
class RunOptionsTest {
  @TempDir private Path run;
  private final CommandLine line =
      new CommandLine(new TrainCommand()).setCaseInsensitiveEnumValuesAllowed(true);

  private List<String> parse(String... words) {
    return RunOptions.of(line.parseArgs(words), false);
  }

  @Test
  void pathsAreAbsoluteAndTheFolderOfTheRunIsNotKept() {
    List<String> kept =
        parse(
            "--data", "d", "--sync-batch-norm", "--out=o", "--resume", "--set", "a=1", "--set=b=2");
    assertEquals(
        List.of("--data=" + Path.of("d").toAbsolutePath(), "--set=a=1", "--set=b=2"),
        kept.stream().filter(word -> !word.equals("--sync-batch-norm")).toList());
    assertEquals(4, kept.size(), kept.toString());
  }

  @Test
  void anOptionGivenAgainTakesThePlaceOfTheRuns() throws IOException {
    Files.writeString(
        run.resolve("config.json"),
        """
        {"options": ["--epochs=3", "--batch=4", "--set=a=1", "--set=b=2", "--model=it"]}
        """);
    parse("--out", run.toString(), "--resume", "--epochs", "5", "--set", "b=3");
    RunOptions.complete(line, run);
    List<String> all = RunOptions.of(line.getParseResult(), false).stream().sorted().toList();
    assertEquals(
        List.of("--batch=4", "--epochs=5", "--model=it", "--set=a=1", "--set=b=2", "--set=b=3"),
        all);
  }

  @Test
  void theWordsToGoOnCanBePasted() {
    assertEquals(
        "to go on: cocoli train --out runs/a --resume", RunOptions.goOn(Path.of("runs/a")));
    assertEquals(
        "to go on: cocoli train --out 'my '\\''run' --resume", RunOptions.goOn(Path.of("my 'run")));
  }

  @Test
  void aFlagIsTakenBackByFalse() {
    assertEquals(List.of("--sync-batch-norm"), parse("--sync-batch-norm"));
    assertEquals(List.of("--sync-batch-norm=false"), parse("--sync-batch-norm=false"));
  }

  @Test
  void aBrokenConfigIsNamed() throws IOException {
    Path config = Files.writeString(run.resolve("config.json"), "{");
    Cli.run("train", "--out", run, "--resume").failed(1, config.toString(), "no valid JSON");
  }

  @Test
  void whatIsNoRunOrKeepsNoOptionsIsSaid() throws IOException {
    Cli.run("train", "--out", run, "--resume").failed(1, run.toString(), "no run to resume");
    Files.writeString(run.resolve("config.json"), "{}");
    Cli.run("train", "--out", run, "--resume").failed(1, run.toString(), "--data, --model");
  }
}
