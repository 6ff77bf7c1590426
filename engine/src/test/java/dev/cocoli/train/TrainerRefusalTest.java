package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.TrainingResult.Outcome;
import dev.cocoli.train.checkpoint.Checkpoint;
import dev.cocoli.train.checkpoint.MetricsLog;
import dev.cocoli.train.checkpoint.RunFolder;
import dev.cocoli.train.checkpoint.RunRecord;
import dev.cocoli.train.optim.StepSchedule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run refuses to begin, or stops at; what is there already stays as it is. */
@Tag("slow")
class TrainerRefusalTest {
  private static Backend backend;

  @TempDir Path folder;

  @BeforeAll
  static void open() {
    backend = Backends.open(Device.CPU);
  }

  @AfterAll
  static void close() {
    backend.close();
  }

  private static String failureOf(TrainingRun run) {
    return assertThrows(
            TrainingException.class, () -> new Trainer(run, backend, TrainingListener.NONE).start())
        .getMessage();
  }

  @Test
  void refusesOtherClassesInTheData() throws Exception {
    TrainingRun run = TinyRuns.run(folder, TinyRuns.config());
    RectangleData renamed =
        ((RectangleData) run.trainData()).withClassNames(List.of("green", "red"));
    String train = failureOf(TrainingRun.of(run.model(), renamed, run.config(), run.out()));
    assertTrue(train.contains("the training data has 2 classes (green, red)"), train);
    String validation = failureOf(run.withValidation(renamed));
    assertTrue(validation.contains("the validation data has 2 classes (green, red)"), validation);
  }

  @Test
  void refusesFoldersThatItCannotUse() throws Exception {
    TrainingRun run = TinyRuns.run(folder, TinyRuns.config().withEpochs(1));
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    String inTheWay = failureOf(TinyRuns.withOut(run, file));
    assertTrue(inTheWay.contains("cannot write to the run folder " + file), inTheWay);
    String below = failureOf(TinyRuns.withOut(run, file.resolve("run")));
    assertTrue(below.contains("cannot write to the run folder " + file), below);

    TrainingException nothing =
        assertThrows(
            TrainingException.class,
            () -> new Trainer(run, backend, TrainingListener.NONE).resume());
    assertTrue(nothing.getMessage().contains("no run to resume"), nothing.getMessage());

    TrainingResult done = new Trainer(run, backend, TrainingListener.NONE).start();
    byte[] before = Files.readAllBytes(done.lastWeights());
    String used = failureOf(run);
    assertTrue(used.contains("holds a run already"), used);
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(done.lastWeights())));
  }

  @Test
  void aLossThatIsNotFiniteStopsTheRun() throws Exception {
    TrainConfig config =
        TinyRuns.config()
            .withLearningRate(1e30)
            .withSchedule(StepSchedule.DEFAULT.withWarmup(0))
            .withCheckpoint(c -> c.withSteps(100));
    TrainingRun run = TinyRuns.run(folder, config);
    String message = failureOf(run);
    assertTrue(message.matches("(the loss|a gradient) is not finite in step 2: .*"), message);
    assertTrue(message.contains(" NaN"), message);
    assertTrue(message.matches(".*train-0\\d\\d\\.png, train-0\\d\\d\\.png.*"), message);
    assertFalse(Files.exists(folder.resolve("run/last.safetensors")));
  }

  @Test
  void weightsThatAreNotFiniteAreNotWritten() throws Exception {
    TrainConfig config =
        TinyRuns.config()
            .withLearningRate(1e30)
            .withSchedule(StepSchedule.DEFAULT.withWarmup(0))
            .withCheckpoint(c -> c.withSteps(1));
    String message = failureOf(TinyRuns.run(folder, config));
    assertTrue(message.startsWith("the weights are not finite after step 1"), message);
    assertFalse(Files.exists(folder.resolve("run/last.safetensors")));
    TrainerTest.assertNothingTemporary(folder);
  }

  /** A run could not be resumed from such a checkpoint, and the one before it would be gone. */
  @Test
  void statisticsThatAreNotFiniteAreNotWritten() throws Exception {
    DetectionModel model = TinyRuns.model(RectangleData.CLASSES).build();
    RunFolder out = new RunFolder(Files.createDirectory(folder.resolve("run")));
    try (ParameterArena parameters = ParameterArena.forTraining(backend, model);
        MetricsLog metrics = new MetricsLog(out.metrics())) {
      parameters.initialize(1);
      Tensor mean = model.namedParameters().get("backbone.body.bn1.running_mean").value();
      float[] values = new float[(int) mean.elementCount()];
      values[3] = Float.NaN;
      backend.transfers().upload(values, mean);
      Checkpoint checkpoint =
          new Checkpoint(
              out, TinyRuns.model(RectangleData.CLASSES), model, parameters, Safetensors::write);
      RunRecord record = new RunRecord.Written(metrics, checkpoint, TrainingListener.NONE);
      String message =
          assertThrows(
                  TrainingException.class,
                  () -> record.save(Progress.START, Checkpoint.Rank.LATEST))
              .getMessage();
      assertTrue(message.startsWith("the weights are not finite after step 0"), message);
    }
    assertFalse(Files.exists(out.lastWeights()));
  }

  @Test
  void twoRunsDoNotShareAFolder() throws Exception {
    TrainingRun run = TinyRuns.run(folder, TinyRuns.config().withEpochs(1));
    List<String> messages = new ArrayList<>();
    TrainingListener meddler =
        new TrainingListener() {
          @Override
          public void stepDone(StepReport report) {
            if (report.step() == 2) {
              messages.add(
                  assertThrows(
                          TrainingException.class,
                          () -> new Trainer(run, backend, TrainingListener.NONE).resume())
                      .getMessage());
            }
          }
        };
    assertEquals(Outcome.COMPLETED, new Trainer(run, backend, meddler).start().outcome());
    assertTrue(messages.getFirst().contains("another run is writing to"), messages.toString());
  }
}
