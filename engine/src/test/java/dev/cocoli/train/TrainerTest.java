package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.detection.TransferReport;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.eval.CocoMetrics;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainingResult.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class TrainerTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static Backend backend;

  @TempDir static Path longFolder;
  private static TrainingRun longRun;
  private static Recorder longTold;
  private static TrainingResult longResult;

  @TempDir Path folder;

  @BeforeAll
  static void trainForAWhile() throws IOException {
    backend = Backends.open(Device.CPU);
    TrainConfig config =
        TinyRuns.config()
            .withEpochs(12)
            .withEvaluation(e -> e.withEveryEpochs(5))
            .withUpdate(u -> u.withClipNorm(20));
    longRun = TinyRuns.run(longFolder, config);
    longTold = new Recorder();
    longResult = new Trainer(longRun, backend, longTold).start();
  }

  @AfterAll
  static void close() {
    backend.close();
  }

  /** Keeps what it is told, and the device's count of downloads after each step. */
  private static final class Recorder implements TrainingListener {
    final List<TrainingPlan> plans = new ArrayList<>();
    final List<StepReport> steps = new ArrayList<>();
    final List<Long> downloads = new ArrayList<>();
    final List<EvaluationReport> evaluations = new ArrayList<>();
    final List<Long> checkpoints = new ArrayList<>();

    @Override
    public void started(TrainingPlan plan) {
      plans.add(plan);
      downloads.add(backend.transfers().downloadCount());
    }

    @Override
    public void stepDone(StepReport report) {
      steps.add(report);
      downloads.add(backend.transfers().downloadCount());
    }

    @Override
    public void evaluated(EvaluationReport report) {
      evaluations.add(report);
    }

    @Override
    public void checkpointWritten(long step) {
      checkpoints.add(step);
    }
  }

  @Test
  void lossGoesDown() {
    TrainConfig config = longRun.config();
    assertEquals(Outcome.COMPLETED, longResult.outcome());
    assertEquals(96, longResult.step());
    assertEquals(
        new TrainingPlan(0, 96, 8, 12, 16, 6, trained(longTold)), longTold.plans.getFirst());
    double first = meanLoss(longTold.steps.subList(0, 8));
    double last = meanLoss(longTold.steps.subList(88, 96));
    assertTrue(last < 0.7 * first, "the loss went from " + first + " to " + last);
  }

  /** But for the last step, after which the loop goes on to evaluate before it tells anyone. */
  @Test
  void aStepDownloadsOnce() {
    for (int i = 1; i < 8; i++) {
      assertEquals(1, longTold.downloads.get(i) - longTold.downloads.get(i - 1), "in step " + i);
    }
  }

  @Test
  void theFolderIsWhole() throws Exception {
    List<JsonNode> lines = lines(longResult);
    List<JsonNode> steps = lines.stream().filter(line -> line.has("loss")).toList();
    List<JsonNode> evaluations = lines.stream().filter(line -> line.has("AP")).toList();
    assertEquals(96, steps.size());
    assertEquals(
        List.of(
            "time",
            "step",
            "loss_classifier",
            "loss_box_reg",
            "loss_objectness",
            "loss_rpn_box_reg",
            "loss",
            "lr",
            "seconds",
            "data_wait_seconds"),
        names(steps.getFirst()));
    assertEquals(1, steps.getFirst().get("step").asLong());
    assertEquals(0.005, steps.getFirst().get("lr").asDouble());
    assertEquals(
        longTold.steps.get(41).losses().value("loss_box_reg"),
        steps.get(41).get("loss_box_reg").floatValue());
    assertEquals(
        List.of(40L, 80L, 96L), evaluations.stream().map(e -> e.get("step").asLong()).toList());
    assertEquals(
        List.of(
            "time", "epoch", "step", "AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10",
            "AR100", "ARs", "ARm", "ARl", "classes"),
        names(evaluations.getLast()));
    assertTrue(
        Instant.parse(steps.getFirst().get("time").asText())
            .isBefore(Instant.parse(evaluations.getLast().get("time").asText())));
    double sum = 0;
    for (JsonNode one : evaluations.getLast().get("classes")) {
      assertTrue(one.get("AP50").asDouble() >= one.get("AP").asDouble(), one.toString());
      sum += one.get("AP").asDouble();
    }
    assertEquals(
        evaluations.getLast().get("AP").asDouble(),
        sum / evaluations.getLast().get("classes").size(),
        1e-9);
    assertEquals(12, evaluations.getLast().get("epoch").asInt());

    JsonNode description = JSON.readTree(longFolder.resolve("run/config.json").toFile());
    assertEquals("fasterrcnn_tiny_fpn", description.at("/model/name").asText());
    assertEquals(20, description.at("/train/clip_norm").asInt());
    assertTrue(description.at("/model/min_size").isInt(), description.at("/model").toString());
    assertTrue(description.at("/model/rpn_nms_thresh").isDouble());
    assertEquals("[10.0,10.0,5.0,5.0]", description.at("/model/bbox_reg_weights").toString());
    assertEquals(16, description.at("/data/train/pictures").asInt());
    assertEquals(6, description.at("/data/validation/pictures").asInt());
    assertNothingTemporary(longFolder);
  }

  private static long trained(Recorder told) {
    return told.plans.getFirst().trainedElements();
  }

  private static double meanLoss(List<StepReport> steps) {
    return steps.stream().mapToDouble(step -> step.losses().total()).average().orElseThrow();
  }

  private static List<String> names(JsonNode line) {
    List<String> names = new ArrayList<>();
    line.fieldNames().forEachRemaining(names::add);
    return names;
  }

  private List<JsonNode> lines(TrainingResult result) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(result.lastWeights().resolveSibling("metrics.jsonl"))) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  static void assertNothingTemporary(Path folder) throws IOException {
    try (var files = Files.list(folder.resolve("run"))) {
      List<Path> temporary = files.filter(file -> file.toString().endsWith(".tmp")).toList();
      assertEquals(List.of(), temporary);
    }
  }

  /** What the run says of its best weights is what anyone finds who opens them. */
  @Test
  void bestWeightsScoreAsTheRunSays() throws Exception {
    EvaluationReport best =
        longTold.evaluations.stream().filter(EvaluationReport::isBest).toList().getLast();
    assertEquals(best.metrics().ap(), longResult.bestAp().orElseThrow());
    assertEquals(best.epoch(), longResult.bestEpoch());
    assertTrue(longResult.bestAp().orElseThrow() > 0, "the model learned nothing: AP 0");
    try (Detector detector = Detector.open(longResult.bestWeights().orElseThrow())) {
      assertEquals(longRun.model(), detector.spec());
      Evaluation evaluation =
          new Evaluation(
              longRun.validationData().orElseThrow(),
              DataLoaderConfig.of(1),
              Optional.empty(),
              warning -> {});
      List<String> seen = new ArrayList<>();
      CocoMetrics metrics = evaluation.run(detector, (image, found) -> seen.add(image.fileName()));
      assertEquals(best.metrics(), metrics);
      assertEquals(6, seen.size());
    }
  }

  @Test
  void stopsEarlyWhenApStaysAsItIs() throws Exception {
    Recorder told = new Recorder();
    TrainConfig config =
        TinyRuns.config()
            .withEpochs(9)
            .withLearningRate(1e-12)
            .withEvaluation(e -> e.withPatience(2));
    TrainingRun run = TinyRuns.run(folder, config);
    TrainingResult result = new Trainer(run, backend, told).start();
    assertEquals(Outcome.STOPPED_EARLY, result.outcome());
    assertEquals(
        List.of(true, false, false),
        told.evaluations.stream().map(EvaluationReport::isBest).toList());
    assertEquals(24, result.step());
    assertEquals(1, result.bestEpoch());
    assertEquals(Outcome.STOPPED_EARLY, new Trainer(run, backend, told).resume().outcome());
    TrainingRun ended = run.withConfig(config.withEpochs(3)); // with the patience
    Path other = folder.resolve("ended");
    TrainingResult whole =
        new Trainer(TinyRuns.withOut(ended, other), backend, TrainingListener.NONE).start();
    assertEquals(Outcome.COMPLETED, whole.outcome());
  }

  @Test
  void anApThatIsNoneIsNotTold() {
    TrainingResult result =
        new TrainingResult(
            Outcome.COMPLETED, 6, 6, OptionalDouble.of(-1), 1, folder, Optional.empty());
    assertEquals("trained 6 of 6 steps", result.summary());
  }

  @Test
  void trainsWithoutValidationData() throws Exception {
    Recorder told = new Recorder();
    TrainConfig config =
        TinyRuns.config()
            .withEpochs(2)
            .withLogEvery(3)
            .withCheckpoint(c -> c.withSteps(5).withInterval(ChronoUnit.FOREVER.getDuration()));
    TrainingRun run =
        TrainingRun.of(
            TinyRuns.model(RectangleData.CLASSES),
            RectangleData.draw(folder.resolve("train"), 17, 1),
            config,
            folder.resolve("run"));
    TrainingResult result = new Trainer(run, backend, told).start();
    assertEquals(Optional.empty(), result.bestWeights());
    assertTrue(result.bestAp().isEmpty());
    assertEquals(List.of(5L, 8L, 13L, 16L), told.checkpoints);
    assertEquals(
        List.of(1L, 3L, 6L, 9L, 12L, 15L, 16L),
        lines(result).stream().map(line -> line.get("step").asLong()).toList());
  }

  @Test
  void startsFromWeightsOfTheSameClasses() throws Exception {
    TrainConfig config = TinyRuns.config().withEpochs(1);
    TrainingRun run = TinyRuns.run(folder, config);
    Path weights = new Trainer(run, backend, TrainingListener.NONE).start().lastWeights();
    try (WeightsFile file = WeightsFile.open(weights)) {
      assertEquals(run.model(), file.spec().orElseThrow());
    }
    Recorder drawn = new Recorder();
    Recorder loaded = new Recorder();
    TrainConfig two = config.withSeed(3);
    TrainingRun second = TinyRuns.run(folder, two);
    Path other = folder.resolve("other");
    new Trainer(TinyRuns.withOut(second, other.resolve("drawn")), backend, drawn).start();
    new Trainer(
            TinyRuns.withOut(second, other.resolve("loaded")).withWeights(weights), backend, loaded)
        .start();
    double fromSeed = drawn.steps.getFirst().losses().total();
    double fromFile = loaded.steps.getFirst().losses().total();
    assertTrue(fromFile < 0.8 * fromSeed, fromFile + " from the file, " + fromSeed + " drawn");
  }

  @Test
  void startsFromWeightsOfOtherClasses() throws Exception {
    TrainConfig config = TinyRuns.config().withEpochs(1);
    TrainingRun run = TinyRuns.run(folder, config);
    Path weights = new Trainer(run, backend, TrainingListener.NONE).start().lastWeights();
    List<String> three = List.of("blue", "red", "white");
    TrainingRun other =
        TrainingRun.of(
                TinyRuns.model(three),
                ((RectangleData) run.trainData()).withClassNames(three),
                config,
                folder.resolve("other"))
            .withWeights(weights);
    List<TransferReport> reports = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void transferred(TransferReport report) {
            reports.add(report);
          }
        };
    new Trainer(other, backend, listener).start();
    assertEquals(1, reports.size());
    assertEquals(List.of("red"), reports.getFirst().sharedClasses());
    assertEquals(List.of("blue", "white"), reports.getFirst().newClasses());
    assertEquals(3, reports.getFirst().lines().size());

    Path bare = folder.resolve("bare.safetensors");
    try (Safetensors file = Safetensors.open(weights)) {
      Safetensors.write(bare, Map.of(), file.entries());
    }
    StartingWeights named = new StartingWeights(bare, Optional.of(List.of("red", "green")));
    reports.clear();
    new Trainer(
            TinyRuns.withOut(other, folder.resolve("named")).withWeights(named), backend, listener)
        .start();
    assertEquals(List.of("red"), reports.getFirst().sharedClasses());
    StartingWeights misnamed = new StartingWeights(bare, Optional.of(three));
    String message =
        failureOf(TinyRuns.withOut(other, folder.resolve("wrong")).withWeights(misnamed));
    assertTrue(message.contains("has 2 classes, not the 3 that were named"), message);
    assertFalse(Files.exists(folder.resolve("wrong")), "nothing is written before all is checked");
  }

  private static String failureOf(TrainingRun run) {
    return assertThrows(
            TrainingException.class, () -> new Trainer(run, backend, TrainingListener.NONE).start())
        .getMessage();
  }
}
