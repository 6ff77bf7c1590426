package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataException;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainingResult.Outcome;
import dev.cocoli.train.parallel.ReplicaRuns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** R-CNN and Fast R-CNN train, stop, go on and detect as Faster R-CNN does. */
@Tag("slow")
class FamilyTest {
  @TempDir Path folder;

  /**
   * Windows all over the image, at no cost; {@link #fastRcnnLearnsFromSelectiveSearch} searches.
   */
  static final ProposalSource WINDOWS =
      (annotated, image) -> {
        List<Box> windows = new ArrayList<>();
        for (int width = 18; width <= 30; width += 6) {
          for (int height = 18; height <= 30; height += 6) {
            for (int x = 0; x + width <= image.width(); x += 8) {
              for (int y = 0; y + height <= image.height(); y += 8) {
                windows.add(new Box(x, y, x + width, y + height));
              }
            }
          }
        }
        return windows;
      };

  private static TrainingRun fast(Path folder, int epochs) throws IOException {
    ModelSpec model =
        ModelSpec.of("fastrcnn_tiny", RectangleData.CLASSES, Norm.Type.BATCH)
            .withConfig(
                c ->
                    c.withTransform(t -> t.withSizes(128, 192))
                        .withBoxHead(b -> b.withHeadSize(64)));
    return run(model, folder, epochs, 0.04);
  }

  private static TrainingRun rcnn(Path folder, int epochs) throws IOException {
    ModelSpec model =
        ModelSpec.of("rcnn_tiny", RectangleData.CLASSES, Norm.Type.BATCH)
            .withConfig(
                c ->
                    c.withClassic(
                            f ->
                                f.withWarp(w -> w.withSize(32).withContext(4))
                                    .withMaxProposals(500))
                        .withSampling(s -> s.withBatchSizePerImage(16)));
    return run(model, folder, epochs, 0.02);
  }

  private static TrainingRun run(ModelSpec model, Path folder, int epochs, double rate)
      throws IOException {
    TrainConfig config = TinyRuns.config().withEpochs(epochs).withLearningRate(rate);
    return TrainingRun.of(
            model,
            RectangleData.draw(folder.resolve("train"), 16, 1),
            config,
            folder.resolve("run"))
        .withValidation(RectangleData.draw(folder.resolve("val"), 6, 2))
        .withProposals(WINDOWS)
        .withValidationProposals(WINDOWS);
  }

  @Test
  void fastRcnnTrainsOnSeveralReplicasAndRcnnOnOne() throws Exception {
    TrainingRun run = fast(folder, 1);
    assertEquals(8, ReplicaRuns.replicas(run, 2, TrainingListener.NONE).start().step());
    TrainingRun staged = rcnn(folder.resolve("rcnn"), 1);
    String refusal =
        assertThrows(
                TrainingException.class,
                () -> ReplicaRuns.replicas(staged, 2, TrainingListener.NONE))
            .getMessage();
    assertTrue(refusal.contains("rcnn_tiny") && refusal.contains("one device"), refusal);
  }

  private static TrainingResult start(TrainingRun run, TrainingListener listener) {
    try (Backend backend = Backends.open(Device.CPU)) {
      return new Trainer(run, backend, listener).start();
    }
  }

  /** Runs, or goes on, until a listener that was told the trainer asks to stop. */
  private static TrainingResult resume(
      TrainingRun run, AtomicReference<Trainer> trainer, TrainingListener listener) {
    try (Backend backend = Backends.open(Device.CPU)) {
      trainer.set(new Trainer(run, backend, listener));
      return Files.exists(run.out().resolve("config.json"))
          ? trainer.get().resume()
          : trainer.get().start();
    }
  }

  @Test
  void fastRcnnLearnsFromSelectiveSearch() throws IOException {
    TrainingRun given = fast(folder, 12);
    TrainingRun run =
        TrainingRun.of(given.model(), given.trainData(), given.config(), given.out())
            .withValidation(given.validationData().orElseThrow());
    TrainingResult result = start(run, TrainingListener.NONE);
    assertEquals(Outcome.COMPLETED, result.outcome());
    assertTrue(result.bestAp().getAsDouble() > 0.15, "best AP " + result.bestAp());
    assertTrue(Files.exists(run.out().resolve("proposals-train.bin")), "kept for resuming");
    assertDetects(run, result.bestWeights().orElseThrow());
  }

  private static void assertDetects(TrainingRun run, Path weights) throws IOException {
    AnnotatedImage image = run.validationData().orElseThrow().get(0);
    try (Detector opened = Detector.open(weights).withScoreThreshold(0)) {
      Detector detector = run.proposals().map(opened::withProposals).orElse(opened);
      List<Detection> found = detector.detect(image.path());
      assertFalse(found.isEmpty());
      assertEquals(image.annotations().getFirst().label(), found.getFirst().label());
      float iou = found.getFirst().box().iou(image.annotations().getFirst().box());
      assertTrue(iou > 0.5, "IoU " + iou);
      List<Detection> none = detector.withProposals((one, other) -> List.of()).detect(image.path());
      assertEquals(List.of(), none, "an image without regions");
    }
  }

  @Test
  void aStoppedFastRcnnEndsWithTheSameBits() throws IOException {
    TrainingRun whole = fast(folder.resolve("whole"), 2);
    start(whole, TrainingListener.NONE);
    TrainingRun stopped = fast(folder.resolve("stopped"), 2);
    AtomicReference<Trainer> trainer = new AtomicReference<>();
    TrainingListener stopper =
        new TrainingListener() {
          @Override
          public void stepDone(StepReport report) {
            if (report.step() == 5 || report.step() == 11) {
              trainer.get().requestStop();
            }
          }
        };
    assertEquals(5, resume(stopped, trainer, stopper).step());
    assertEquals(11, resume(stopped, trainer, stopper).step());
    assertEquals(16, resume(stopped, trainer, stopper).step());
    FinishedRun.read(whole.out()).assertSame(FinishedRun.read(stopped.out()));
  }

  @Test
  void rcnnLearnsInStagesAndFindsObjects() throws IOException {
    TrainingRun run = rcnn(folder, 8);
    List<String> stages = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void stage(String name, int done, int total) {
            if (done == total) {
              stages.add(name);
            }
          }
        };
    TrainingResult result = start(run, listener);
    assertEquals(Outcome.COMPLETED, result.outcome());
    assertEquals(
        List.of(
            "features",
            "norms",
            "objects",
            "support vector machines",
            "box regression, red",
            "box regression, green"),
        stages);
    assertTrue(result.bestAp().getAsDouble() > 0.15, "best AP " + result.bestAp());
    try (Stream<Path> left = Files.list(run.out())) {
      assertFalse(left.anyMatch(path -> path.getFileName().toString().startsWith("features")));
    }
    assertDetects(run, result.bestWeights().orElseThrow());
  }

  @Test
  void anRcnnStoppedInEveryStageEndsWithTheSameBits() throws IOException {
    TrainingRun whole = rcnn(folder.resolve("whole"), 1);
    start(whole, TrainingListener.NONE);
    TrainingRun stopped = rcnn(folder.resolve("stopped"), 1);
    AtomicReference<Trainer> trainer = new AtomicReference<>();
    List<String> stopAt =
        new ArrayList<>(List.of("features", "support vector machines", "box regression, green"));
    TrainingListener stopper =
        new TrainingListener() {
          @Override
          public void stepDone(StepReport report) {
            if (report.step() == 3) {
              trainer.get().requestStop();
            }
          }

          @Override
          public void stage(String name, int done, int total) {
            if (!stopAt.isEmpty() && name.equals(stopAt.getFirst()) && done == 5) {
              stopAt.removeFirst();
              trainer.get().requestStop();
            }
          }
        };
    assertEquals(3, resume(stopped, trainer, stopper).step());
    Path weights = stopped.out().resolve("last.safetensors");
    IOException early = assertThrows(IOException.class, () -> Detector.open(weights).close());
    assertTrue(early.getMessage().contains("resume its run"), early.getMessage());
    for (int i = 0; i < 3; i++) {
      assertEquals(Outcome.STOP_REQUESTED, resume(stopped, trainer, stopper).outcome());
    }
    assertEquals(List.of(), stopAt);
    assertEquals(Outcome.COMPLETED, resume(stopped, trainer, stopper).outcome());
    FinishedRun.read(whole.out()).assertSame(FinishedRun.read(stopped.out()));
  }

  @Test
  void aClassWithoutObjectsIsNamedAndNeverFound() throws IOException {
    TrainingRun run = rcnn(folder, 1);
    RectangleData data = (RectangleData) run.trainData();
    List<AnnotatedImage> onlyRed = new ArrayList<>();
    for (AnnotatedImage image : data.images()) {
      onlyRed.add(
          new AnnotatedImage(
              image.imageId(),
              image.fileName(),
              image.path(),
              image.width(),
              image.height(),
              image.annotations().stream().filter(one -> one.label() == 1).toList()));
    }
    List<String> messages = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void message(String text) {
            messages.add(text);
          }
        };
    TrainingRun red =
        TrainingRun.of(
                run.model(),
                new RectangleData(RectangleData.CLASSES, onlyRed),
                run.config(),
                run.out())
            .withProposals(WINDOWS);
    TrainingResult result = start(red, listener);
    assertTrue(
        messages.stream().anyMatch(text -> text.startsWith("class 'green' has no object")),
        messages.toString());
    try (Detector detector = Detector.open(result.lastWeights()).withScoreThreshold(0)) {
      for (AnnotatedImage image : data.images()) {
        List<Detection> found = detector.withProposals(WINDOWS).detect(image.path());
        assertTrue(found.stream().noneMatch(one -> one.label() == 2));
      }
    }
  }

  @Test
  void aFileOfOtherImagesIsRefusedBeforeTheFirstStep() throws IOException {
    TrainingRun run = fast(folder, 1);
    Path file = folder.resolve("other.bin");
    ProposalSource one = (annotated, image) -> List.of(new Box(0, 0, 20, 20));
    ProposalFile.write(file, run.validationData().orElseThrow(), one, "none", 1);
    try (ProposalFile other = ProposalFile.read(file)) {
      TrainingRun wrong = run.withProposals(other);
      DataException refused =
          assertThrows(DataException.class, () -> start(wrong, TrainingListener.NONE));
      assertTrue(refused.getMessage().contains("other.bin"), refused.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1,0,20,20", "0,0,20,65", "30,30,30,40", "0,0,NaN,5"})
  void aRegionThatCannotBeIsNamedWithItsImage(String corners) throws IOException {
    String[] four = corners.split(",");
    Box box =
        new Box(
            Float.parseFloat(four[0]),
            Float.parseFloat(four[1]),
            Float.parseFloat(four[2]),
            Float.parseFloat(four[3]));
    TrainingRun run = fast(folder, 1).withProposals((annotated, image) -> List.of(box));
    DataException refused =
        assertThrows(DataException.class, () -> start(run, TrainingListener.NONE));
    assertTrue(
        refused.getMessage().matches("(?s).*train-\\d+.png: the proposed region 0 .*"),
        refused.getMessage());
    assertFalse(refused.getMessage().contains("\n"));
    assertEquals(0, Image.allocatedByteSize(), "images in memory");
  }

  @Test
  void anEvaluationTakesGivenRegions() throws IOException {
    TrainingRun run = fast(folder, 1);
    TrainingResult result = start(run, TrainingListener.NONE);
    try (Detector detector = Detector.open(result.lastWeights())) {
      ProposalSource none = (annotated, image) -> List.of();
      Evaluation evaluation =
          new Evaluation(
              run.validationData().orElseThrow(),
              DataLoaderConfig.of(1),
              Optional.of(none),
              warning -> {});
      assertEquals(
          0,
          evaluation
              .run(detector, (image, found) -> assertArrayEquals(new Object[0], found.toArray()))
              .ap50());
    }
  }

  @Test
  void regionsAreMirroredWithTheirImage() throws IOException {
    RectangleData data = RectangleData.draw(folder, 4, 1);
    ProposalSource objects = (annotated, image) -> annotated.target().boxes();
    DataLoaderConfig always =
        DataLoaderConfig.of(2).withData(d -> d.withAugmentations(new HorizontalFlip(1)));
    try (DataLoader loader = new DataLoader(data, always, objects, warning -> {});
        Epoch epoch = loader.epoch(0, 0)) {
      while (epoch.hasNext()) {
        try (Batch batch = epoch.next()) {
          for (int i = 0; i < 2; i++) {
            assertEquals(batch.targets().get(i).boxes(), batch.proposals().get(i));
          }
        }
      }
    }
  }

  @Test
  void aRunStoppedWhileItSearchesKeepsNothingAndGoesOn() throws IOException {
    TrainingRun given = fast(folder, 1);
    TrainingRun run = TrainingRun.of(given.model(), given.trainData(), given.config(), given.out());
    AtomicReference<Trainer> trainer = new AtomicReference<>();
    TrainingListener stopper =
        new TrainingListener() {
          @Override
          public void message(String text) {
            if (text.startsWith("finding regions")) {
              trainer.get().requestStop();
            }
          }
        };
    TrainingResult stopped = resume(run, trainer, stopper);
    assertEquals(Outcome.STOP_REQUESTED, stopped.outcome());
    assertEquals(0, stopped.step());
    assertFalse(Files.exists(run.out().resolve("proposals-train.bin")));
    assertEquals(Outcome.COMPLETED, resume(run, trainer, TrainingListener.NONE).outcome());
  }
}
