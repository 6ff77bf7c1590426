package com.example.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.data.augment.Sample;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.FinishedRun;
import dev.cocoli.train.RectangleData;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingResult;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.optim.LearningRateSchedule;
import dev.cocoli.train.parallel.ReplicaRuns;
import dev.cocoli.train.parallel.Replicas;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run with an optimizer, a schedule and an augmentation from outside of the library. */
@Tag("slow")
class OwnPartsTest {
  @TempDir Path folder;

  /** Half a wave. */
  private record Cosine(double least) implements LearningRateSchedule {
    @Override
    public String name() {
      return "cosine";
    }

    @Override
    public Map<String, String> settings() {
      return Map.of("least", "" + least);
    }

    @Override
    public double factorAt(long step, long totalSteps) {
      return least + (1 - least) * (1 + Math.cos(Math.PI * step / totalSteps)) / 2;
    }
  }

  private static TrainConfig config() {
    return TinyRuns.config()
        .withEpochs(2)
        .withLearningRate(0.001)
        .withOptimizer(new AdamW(0.9, 0.999, 0.01))
        .withSchedule(new Cosine(0.1))
        .withData(data -> data.withAugmentations(new HorizontalFlip(0.5), new SideBySide()));
  }

  private TrainingRun run(String name, TrainConfig config) throws IOException {
    return TrainingRun.of(
            TinyRuns.model(RectangleData.CLASSES),
            RectangleData.draw(folder.resolve("train"), 16, 1),
            config,
            folder.resolve(name))
        .withValidation(RectangleData.draw(folder.resolve("val"), 4, 2));
  }

  /** Trains, on several replicas where there are to be any; asks to stop after a step. */
  private static TrainingResult train(
      TrainingRun run, int replicas, long stopAfter, List<StepReport> seen) {
    boolean resumes = Files.exists(run.out().resolve("config.json"));
    AtomicReference<Runnable> stop = new AtomicReference<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void stepDone(StepReport report) {
            seen.add(report);
            if (report.step() == stopAfter) {
              stop.get().run();
            }
          }
        };
    if (replicas > 1) {
      Replicas several = ReplicaRuns.replicas(run, replicas, listener);
      stop.set(several::requestStop);
      return resumes ? several.resume() : several.start();
    }
    try (Backend backend = Backends.open(Device.CPU)) {
      Trainer trainer = new Trainer(run, backend, listener);
      stop.set(trainer::requestStop);
      return resumes ? trainer.resume() : trainer.start();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aStoppedRunEndsWithTheSameBits(int replicas) throws IOException {
    List<StepReport> steps = new ArrayList<>();
    TrainingRun whole = run("whole", config());
    train(whole, replicas, 0, steps);
    assertEquals(16, steps.size());
    for (StepReport step : steps) {
      double expected = 0.001 * (0.1 + 0.9 * (1 + Math.cos(Math.PI * (step.step() - 1) / 16)) / 2);
      assertEquals(expected, step.learningRate(), 1e-15);
    }
    double first = steps.getFirst().losses().total();
    double last = steps.getLast().losses().total();
    assertTrue(last < first, "the loss went from " + first + " to " + last);

    TrainingRun stopped = run("stopped", config());
    long stoppedAt = train(stopped, replicas, 5, new ArrayList<>()).step();
    assertTrue(stoppedAt < 8, "stopped at " + stoppedAt);
    TrainConfig otherThreads = config().withData(data -> data.withWorkers(3));
    train(stopped.withConfig(otherThreads), replicas, 0, new ArrayList<>());
    FinishedRun.read(whole.out()).assertSame(FinishedRun.read(stopped.out()));
  }

  @Test
  void theFolderNamesTheParts() throws IOException {
    TrainingRun run = run("run", config());
    train(run, 1, 1, new ArrayList<>());
    try (Safetensors state = Safetensors.open(run.out().resolve("state.safetensors"))) {
      for (String name : List.of("exp_avg", "exp_avg_sq")) {
        Safetensors.Entry entry = state.entries().get(name + ".roi_heads.box_head.fc6.bias");
        float[] values = entry.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
        assertFalse(Arrays.equals(values, new float[values.length]), name + " is 0");
      }
      assertTrue(state.entries().keySet().stream().noneMatch(name -> name.startsWith("velocity")));
    }
    JsonNode train =
        new ObjectMapper().readTree(run.out().resolve("config.json").toFile()).get("train");
    assertEquals("adamw", train.get("optimizer").asText());
    assertEquals(0.999, train.get("beta2").asDouble());
    assertEquals("cosine", train.get("schedule").asText());
    assertEquals(0.1, train.get("least").asDouble());
    assertEquals("[\"flip\",\"side_by_side\"]", train.get("augmentations").toString());
    assertEquals(0.5, train.get("flip").asDouble());

    TrainConfig others =
        config()
            .withOptimizer(new AdamW(0.8, 0.999, 0.01))
            .withData(data -> data.withAugmentations(new HorizontalFlip(0.5)));
    String message =
        assertThrows(
                TrainingException.class,
                () -> train(run.withConfig(others), 1, 0, new ArrayList<>()))
            .getMessage();
    assertTrue(message.contains("train.beta1 was 0.9, is 0.8"), message);
    assertTrue(message.contains("train.augmentations was"), message);
    String optimizer =
        assertThrows(
                TrainingException.class,
                () -> train(run.withConfig(TinyRuns.config()), 1, 0, new ArrayList<>()))
            .getMessage();
    assertTrue(optimizer.contains("train.optimizer was \"adamw\", is \"sgd\""), optimizer);
  }

  /** Images that are in no file. */
  private record InMemory(Dataset inner) implements Dataset {
    @Override
    public List<String> classNames() {
      return inner.classNames();
    }

    @Override
    public int size() {
      return inner.size();
    }

    @Override
    public AnnotatedImage get(int index) {
      AnnotatedImage image = inner.get(index);
      return new AnnotatedImage(
          index,
          "image " + index,
          Path.of("nowhere"),
          image.width(),
          image.height(),
          image.annotations());
    }

    @Override
    public Image image(int index) {
      if (index == 3) {
        throw new ImageDecodeException("image 3", "lost");
      }
      return inner.image(index);
    }

    @Override
    public AnnotationReport report() {
      return inner.report();
    }
  }

  @Test
  void aDataSetMayReadItsImagesItself() throws IOException {
    RectangleData files = RectangleData.draw(folder.resolve("train"), 4, 1);
    List<String> warnings = new ArrayList<>();
    DataLoaderConfig config =
        DataLoaderConfig.of(4).withData(d -> d.withAugmentations(new SideBySide()));
    try (DataLoader loader = new DataLoader(new InMemory(files), config, warnings::add);
        Epoch epoch = loader.epoch(0, 0);
        Batch batch = epoch.next()) {
      assertEquals(4, batch.samples().size());
    }
    assertEquals(List.of("skipped an image: image 3: lost"), warnings);
  }

  private record Seen(List<Box> boxes, List<Integer> labels, int width, int pixels) {}

  private static List<Seen> epoch(Dataset data, int workers, int firstBatch) {
    DataLoaderConfig config =
        DataLoaderConfig.of(2)
            .withSeed(3)
            .withData(
                d ->
                    d.withWorkers(workers)
                        .withAugmentations(new HorizontalFlip(0.5), new SideBySide()));
    List<Seen> seen = new ArrayList<>();
    try (DataLoader loader = new DataLoader(data, config, warning -> {});
        Epoch batches = loader.epoch(4, firstBatch)) {
      while (batches.hasNext()) {
        try (Batch batch = batches.next()) {
          for (Sample sample : batch.samples()) {
            byte[] pixels = sample.image().pixels().toArray(ValueLayout.JAVA_BYTE);
            seen.add(
                new Seen(
                    sample.target().boxes(),
                    Arrays.stream(sample.target().labels()).boxed().toList(),
                    sample.image().width(),
                    Arrays.hashCode(pixels)));
          }
        }
      }
    }
    return seen;
  }

  @Test
  void anAugmentationSeesOtherImagesWhateverTheThreads() throws IOException {
    long before = Image.allocatedByteSize();
    RectangleData data = RectangleData.draw(folder.resolve("train"), 12, 1);
    List<Seen> whole = epoch(data, 1, 0);
    assertEquals(12, whole.size());
    assertEquals(whole, epoch(data, 4, 0));
    assertEquals(whole.subList(6, 12), epoch(data, 4, 3), "begun in the middle");
    int width = data.get(0).width();
    assertTrue(whole.stream().allMatch(seen -> seen.width() == 2 * width));
    assertTrue(
        whole.stream().flatMap(seen -> seen.boxes().stream()).anyMatch(box -> box.x1() >= width));
    assertEquals(before, Image.allocatedByteSize(), "bytes of images left open");
  }
}
