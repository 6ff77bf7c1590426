package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.BrokenImagePolicy;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainingResult.Outcome;
import dev.cocoli.train.checkpoint.Checkpoint;
import dev.cocoli.train.optim.Sgd;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class ResumeTest {
  @TempDir static Path reference;

  /** A run that nothing interrupted. */
  private static FinishedRun whole;

  @TempDir Path folder;
  private TrainingRun run;

  @BeforeAll
  static void trainWithoutInterruption() throws Exception {
    TrainingResult result = start(InterruptedRun.of(reference), TrainingListener.NONE);
    assertEquals(24, result.step());
    whole = FinishedRun.read(reference.resolve("run"));
    assertEquals(27, whole.metrics().size());
  }

  @BeforeEach
  void draw() throws IOException {
    run = InterruptedRun.of(folder);
  }

  private static TrainingResult start(TrainingRun run, TrainingListener listener) {
    try (Backend backend = Backends.open(Device.CPU)) {
      return new Trainer(run, backend, listener).start();
    }
  }

  private static TrainingResult resume(TrainingRun run, TrainingListener listener) {
    try (Backend backend = Backends.open(Device.CPU)) {
      return new Trainer(run, backend, listener).resume();
    }
  }

  /** Runs until a step and asks to stop, as Ctrl-C does. */
  private static TrainingResult runUntil(TrainingRun run, long step, boolean isNew) {
    try (Backend backend = Backends.open(Device.CPU)) {
      AtomicReference<Trainer> self = new AtomicReference<>();
      TrainingListener stopper =
          new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
              if (report.step() == step) {
                self.get().requestStop();
              }
            }
          };
      self.set(new Trainer(run, backend, stopper));
      return isNew ? self.get().start() : self.get().resume();
    }
  }

  private void assertAsIfNeverInterrupted() throws IOException {
    whole.assertSame(FinishedRun.read(folder.resolve("run")));
  }

  @Test
  void stoppedRunsEndWithTheSameBits() throws Exception {
    TrainingResult stopped = runUntil(run, 3, true);
    assertEquals(Outcome.STOP_REQUESTED, stopped.outcome());
    assertEquals(3, stopped.step());
    assertTrue(stopped.summary().contains("resume the run in " + run.out()), stopped.summary());
    assertEquals(8, runUntil(run, 8, false).step(), "the end of an epoch, before its evaluation");
    assertEquals(13, runUntil(run, 13, false).step());
    TrainingResult done = resume(run, TrainingListener.NONE);
    assertEquals(Outcome.COMPLETED, done.outcome());
    assertAsIfNeverInterrupted();
    assertEquals(Outcome.COMPLETED, resume(run, TrainingListener.NONE).outcome());
    assertAsIfNeverInterrupted();
  }

  @Test
  void aStopDuringAnEvaluationRepeatsIt() throws Exception {
    try (Backend backend = Backends.open(Device.CPU)) {
      AtomicReference<Trainer> self = new AtomicReference<>();
      TrainingListener stopper =
          new TrainingListener() {
            @Override
            public void evaluating(int done, int total) {
              self.get().requestStop();
            }
          };
      self.set(new Trainer(run, backend, stopper));
      TrainingResult stopped = self.get().start();
      assertEquals(Outcome.STOP_REQUESTED, stopped.outcome());
      assertEquals(8, stopped.step());
      assertTrue(stopped.bestAp().isEmpty());
    }
    resume(run, TrainingListener.NONE);
    assertAsIfNeverInterrupted();
  }

  /** The kill between the moves of the weights and of the state: the state alone counts. */
  @Test
  void newerWeightsBesideTheStateDoNotMatter() throws Exception {
    runUntil(run, 11, true);
    byte[] state = Files.readAllBytes(folder.resolve("run/state.safetensors"));
    runUntil(run, 17, false);
    byte[] newerState = Files.readAllBytes(folder.resolve("run/state.safetensors"));
    Files.write(folder.resolve("run/state.safetensors"), state);
    Files.write(folder.resolve("run/state.safetensors.0123456789abcdef.tmp"), newerState);
    Files.writeString(folder.resolve("run/best.safetensors.0123456789abcdef.tmp"), "half");
    List<TrainingPlan> plans = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void started(TrainingPlan plan) {
            plans.add(plan);
            assertFalse(Files.exists(folder.resolve("run/state.safetensors.0123456789abcdef.tmp")));
            assertFalse(Files.exists(folder.resolve("run/best.safetensors.0123456789abcdef.tmp")));
          }
        };
    resume(run, listener);
    assertEquals(11, plans.getFirst().firstStep());
    assertAsIfNeverInterrupted();
  }

  /** Writes as usual until the disk is full: half a file, then the system's error. */
  private static Checkpoint.Writer diskThatFillsUpAt(int fullFromFile) {
    int[] files = {0};
    return (file, metadata, entries) -> {
      Safetensors.write(file, metadata, entries);
      if (++files[0] >= fullFromFile) {
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
        throw new IOException("No space left on device");
      }
    };
  }

  @Test
  void aFullDiskLeavesTheCheckpointBeforeItWhole() throws Exception {
    Map<String, byte[]> before;
    try (Backend backend = Backends.open(Device.CPU)) {
      List<Long> written = new ArrayList<>();
      List<Map<String, byte[]>> files = new ArrayList<>();
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void checkpointWritten(long step) {
              written.add(step);
              files.add(
                  Map.of("state", bytes("state"), "last", bytes("last"), "best", bytes("best")));
            }
          };
      // best, last and state make the first checkpoint; of the second the state does not fit
      Trainer trainer = new Trainer(run, backend, listener, diskThatFillsUpAt(6));
      String message = assertThrows(TrainingException.class, trainer::start).getMessage();
      assertTrue(message.contains("No space left on device"), message);
      assertTrue(message.contains("the checkpoint before it is whole"), message);
      assertEquals(List.of(8L), written);
      before = files.getFirst();
    }
    before.forEach((name, content) -> assertArrayEquals(content, bytes(name), name));
    try (var files = Files.list(run.out())) {
      assertTrue(files.noneMatch(file -> file.toString().endsWith(".tmp")));
    }
    resume(run, TrainingListener.NONE);
    assertAsIfNeverInterrupted();
  }

  private byte[] bytes(String name) {
    try {
      return Files.readAllBytes(run.out().resolve(name + ".safetensors"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void refusesOtherSettingsAndNamesThem() throws Exception {
    runUntil(run, 2, true);
    assertRefused(
        run.withConfig(run.config().withBatch(4).withOptimizer(new Sgd(0.5, 1e-4))),
        "train.batch was 2, is 4",
        "train.momentum was 0.9, is 0.5");
    assertRefused(
        run.withConfig(run.config().withEpochs(2)), "train.epochs was 3, is 2: it may only grow");
    assertRefused(
        new TrainingRun(
            run.model().withConfig(c -> c.withBoxHead(b -> b.withNmsThresh(0.4f))),
            run.trainData(),
            run.validationData(),
            run.weights(),
            run.proposals(),
            run.validationProposals(),
            run.dataOrigin(),
            run.options(),
            run.config(),
            run.out()),
        "model.box_nms_thresh was 0.5, is 0.4");
    assertRefused(
        run.withValidation(RectangleData.draw(folder.resolve("val"), 5, 2)),
        "data.validation.pictures was 6, is 5",
        "data.validation has other file names or annotations");
    TrainingRun harmless =
        run.withConfig(run.config().withData(d -> d.withWorkers(2).withPrefetchBatches(0)));
    assertEquals(Outcome.COMPLETED, resume(harmless, TrainingListener.NONE).outcome());
    assertAsIfNeverInterrupted();
  }

  /**
   * Runs of before an optimizer, a schedule and augmentations had names, and hyper-parameters were
   * numbers.
   */
  @Test
  void anOldRunGoesOn() throws Exception {
    runUntil(run, 3, true);
    ObjectMapper json = new ObjectMapper();
    Path config = folder.resolve("run/config.json");
    ObjectNode before = (ObjectNode) json.readTree(config.toFile());
    before.withObject("train").remove(List.of("optimizer", "schedule", "augmentations"));
    ObjectNode model = before.withObject("model");
    model.remove(List.of("box_pool_size", "box_smooth_l1_beta"));
    assertEquals("[10.0,10.0,5.0,5.0]", model.get("bbox_reg_weights").toString());
    for (Map.Entry<String, JsonNode> value : model.properties()) {
      if (!value.getKey().equals("classes")) {
        String text = value.getValue().isArray() ? value.getValue().toString() : null;
        value.setValue(
            json.getNodeFactory()
                .textNode(
                    text == null
                        ? value.getValue().asText()
                        : text.substring(1, text.length() - 1)));
      }
    }
    json.writeValue(config.toFile(), before);
    assertEquals(Outcome.COMPLETED, resume(run, TrainingListener.NONE).outcome());
    assertAsIfNeverInterrupted();
  }

  private static void assertRefused(TrainingRun other, String... reasons) {
    String message =
        assertThrows(TrainingException.class, () -> resume(other, TrainingListener.NONE))
            .getMessage();
    for (String reason : reasons) {
      assertTrue(message.contains(reason), message);
    }
  }

  @Test
  void epochsMayBeAdded() throws Exception {
    TrainingRun shorter = run.withConfig(run.config().withEpochs(2));
    assertEquals(16, start(shorter, TrainingListener.NONE).totalSteps());
    TrainingResult extended = resume(run, TrainingListener.NONE);
    assertEquals(24, extended.step());
    assertAsIfNeverInterrupted(); // the rate is constant here, so nothing depends on the end
  }

  @Test
  void anImageThatStopsTheRunLosesNoStep() throws Exception {
    run = run.withConfig(run.config().withData(d -> d.withBrokenImages(BrokenImagePolicy.ERROR)));
    Path image = run.trainData().get(5).path();
    byte[] bytes = Files.readAllBytes(image);
    Files.write(image, Arrays.copyOf(bytes, bytes.length / 2));
    AtomicLong done = new AtomicLong();
    AtomicLong saved = new AtomicLong();
    TrainingListener counter =
        new TrainingListener() {
          @Override
          public void stepDone(StepReport report) {
            done.set(report.step());
          }

          @Override
          public void checkpointWritten(long step) {
            saved.set(step);
          }
        };
    ImageDecodeException e = assertThrows(ImageDecodeException.class, () -> start(run, counter));
    assertTrue(e.getMessage().startsWith(image + ": "), e.getMessage());
    assertTrue(done.get() > 0 && done.get() < 8, "in the middle of an epoch, not " + done);
    assertEquals(done.get(), saved.get());
    Files.write(image, bytes);
    resume(run, TrainingListener.NONE);
    assertAsIfNeverInterrupted();
  }

  @Test
  void anImageThatStopsAnEvaluationLosesNoStep() throws Exception {
    run = run.withConfig(run.config().withData(d -> d.withBrokenImages(BrokenImagePolicy.ERROR)));
    Path image = run.validationData().orElseThrow().get(3).path();
    byte[] bytes = Files.readAllBytes(image);
    Files.write(image, Arrays.copyOf(bytes, bytes.length / 2));
    List<Long> saved = new ArrayList<>();
    assertThrows(ImageDecodeException.class, () -> start(run, savedSteps(saved)));
    assertEquals(List.of(8L), saved);
    Files.write(image, bytes);
    resume(run, TrainingListener.NONE);
    assertAsIfNeverInterrupted();
  }

  @Test
  void anImageTooLargeForTheHeapLosesNoStep() throws Exception {
    Dataset data = run.trainData();
    Dataset tooLarge =
        new Dataset() {
          @Override
          public List<String> classNames() {
            return data.classNames();
          }

          @Override
          public int size() {
            return data.size();
          }

          @Override
          public AnnotatedImage get(int index) {
            return data.get(index);
          }

          @Override
          public Image image(int index) {
            if (index == 5) {
              throw new OutOfMemoryError("as if it were an image of a gigapixel");
            }
            return data.image(index);
          }
        };
    List<Long> saved = new ArrayList<>();
    assertThrows(OutOfMemoryError.class, () -> start(on(tooLarge), savedSteps(saved)));
    assertEquals(1, saved.size());
    assertTrue(saved.getFirst() < 8, "in the middle of an epoch, not " + saved);
    resume(run, TrainingListener.NONE);
    assertAsIfNeverInterrupted();
  }

  /** The same run on other training data. */
  private TrainingRun on(Dataset trainData) {
    return TrainingRun.of(run.model(), trainData, run.config(), run.out())
        .withValidation(run.validationData().orElseThrow());
  }

  private static TrainingListener savedSteps(List<Long> saved) {
    return new TrainingListener() {
      @Override
      public void checkpointWritten(long step) {
        saved.add(step);
      }
    };
  }

  @Test
  void aDamagedStateIsRefused() throws Exception {
    runUntil(run, 2, true);
    Path state = folder.resolve("run/state.safetensors");
    byte[] bytes = Files.readAllBytes(state);
    Files.write(state, Arrays.copyOf(bytes, bytes.length / 2));
    assertRefused(run, "cannot resume from", "state.safetensors");
  }
}
