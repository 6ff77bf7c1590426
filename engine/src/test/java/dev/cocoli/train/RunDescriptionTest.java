package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.cocoli.detection.ModelBuilder;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.Models;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.train.checkpoint.RunDescription;
import dev.cocoli.train.checkpoint.RunFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDescriptionTest {
  @TempDir Path folder;

  /** The hyper-parameters of a program's own model. */
  public record Texts(String note, String blank, String digits, String nothing, String list) {}

  private static void resume(TrainingRun run) {
    RunFolder out = new RunFolder(run.out());
    out.create();
    RunDescription now = RunDescription.of(run, "cpu", 10);
    out.claim(now);
    RunDescription.read(out.config()).requireSame(now, run.out());
  }

  @Test
  void anyTextOfAModelIsTheSameWhenItIsRead() throws IOException {
    Texts texts = new Texts("", "  ", "007", "null", "[1, 2");
    ModelBuilder ofLibrary = Models.builder("fasterrcnn_tiny_fpn");
    ModelBuilder builder = (config, classes) -> ofLibrary.build(config, classes);
    RcnnConfig config = ofLibrary.defaults().withOwn(texts);
    TrainingRun run = TinyRuns.run(folder, TinyRuns.config());
    resume(
        TrainingRun.of(
            new ModelSpec("one_of_my_own", RectangleData.CLASSES, config, builder),
            run.trainData(),
            run.config(),
            run.out()));
  }

  @Test
  void aCheckpointMayBeDueNever() throws IOException {
    TrainConfig config =
        TinyRuns.config().withCheckpoint(c -> c.withInterval(ChronoUnit.FOREVER.getDuration()));
    resume(TinyRuns.run(folder, config));
  }

  /** Processes that end after different evaluations would wait for each other. */
  @Test
  void theSettingsOfARunHaveAllThatEndsIt() throws IOException {
    TrainingRun run = TinyRuns.run(folder, TinyRuns.config());
    String settings = RunDescription.settings(run);
    for (TrainConfig other :
        List.of(run.config().withEpochs(9), run.config().withEvaluation(e -> e.withPatience(1)))) {
      assertNotEquals(settings, RunDescription.settings(run.withConfig(other)));
    }
    TrainConfig same = run.config().withData(d -> d.withWorkers(5)).withLogEvery(9);
    assertEquals(settings, RunDescription.settings(run.withConfig(same)));
  }
}
