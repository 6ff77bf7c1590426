package dev.cocoli.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.augment.AugmentationContext;
import dev.cocoli.data.augment.Sample;
import dev.cocoli.data.formats.CocoDataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.report.StepMetrics;
import dev.cocoli.report.TrainingLog;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.random.RandomGenerator;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples do what they say, on a few images. */
@Tag("slow")
class ExamplesTest {
  @TempDir private Path folder;

  @Test
  void trainsInMemoryAndDetects() throws Exception {
    Path run = folder.resolve("run");
    String summary = printed(TrainInMemory::main, run.toString(), "8", "1");
    assertTrue(summary.startsWith("epoch 1: AP "), summary);
    assertTrue(summary.contains("trained 2 of 2 steps"), summary);
    assertTrue(Files.size(run.resolve("losses.png")) > 1000);
    assertTrue(Files.size(run.resolve("ap.png")) > 1000);

    Path image = folder.resolve("image.png");
    try (Image pixels = new ShapesInMemory(8, 1).image(0)) {
      ImageIO.write(pixels.toBufferedImage(), "png", image.toFile());
    }
    Path drawn = folder.resolve("drawn.png");
    String weights = run.resolve("last.safetensors").toString();
    String lines = printed(Detect::main, weights, image.toString(), drawn.toString());
    assertTrue(lines.isEmpty() || lines.contains("Box["), lines);
    assertEquals(480, ImageIO.read(drawn.toFile()).getWidth());
  }

  @Test
  void aBackboneTrainsAndItsWeightsOpenAgain() throws Exception {
    String lines = printed(OwnBackbone::main, folder.resolve("run").toString(), "8", "1");
    assertTrue(lines.startsWith("trained 2 of 2 steps"), lines);
    assertTrue(lines.contains("detections on the first image: "), lines);
  }

  @Test
  void aLossIsLoggedAndPlottedOnOneReplicaAndOnTwo() throws Exception {
    printed(OwnLoss::main, folder.toString(), "8", "1");
    List<StepMetrics> one = steps(folder.resolve("one-replica"));
    List<StepMetrics> two = steps(folder.resolve("two-replicas"));
    assertEquals(2, one.size());
    assertEquals(2, two.size());
    double first = one.getFirst().losses().get("loss_supervision");
    assertTrue(first > 0, () -> "loss_supervision is " + first);
    assertEquals(first, two.getFirst().losses().get("loss_supervision"), 0.2 * first);
    for (StepMetrics step : one) {
      double sum = step.losses().values().stream().mapToDouble(Double::doubleValue).sum();
      assertEquals(step.loss(), sum, 1e-5 * sum);
    }
  }

  /** The steps of a run, whose plots are there. */
  private static List<StepMetrics> steps(Path run) throws IOException {
    assertTrue(Files.size(run.resolve("losses.png")) > 1000);
    return TrainingLog.read(run.resolve("metrics.jsonl")).steps();
  }

  @Test
  void anOptimizerResumesToTheBit() throws Exception {
    Path stopped = folder.resolve("stopped");
    String lines = printed(OwnOptimizer::main, stopped.toString(), "8", "2");
    assertTrue(lines.startsWith("stopped after 4 of 8 steps"), lines);
    assertTrue(lines.contains("trained 8 of 8 steps"), lines);
    String description = Files.readString(stopped.resolve("config.json"));
    assertTrue(description.contains("\"nesterov\""), description);

    Dataset data = new ShapesInMemory(0, 8);
    TrainConfig config =
        TrainConfig.DEFAULT
            .withEpochs(2)
            .withBatch(2)
            .withOptimizer(new OwnOptimizer.Nesterov(0.9, 1e-4));
    Path whole = folder.resolve("whole");
    Path plain = folder.resolve("plain");
    try (Backend backend = Backends.open(Device.CPU)) {
      train(TrainingRun.of(SmallModel.of(data), data, config, whole), backend);
      TrainConfig sgd = config.withOptimizer(TrainConfig.DEFAULT.update().optimizer());
      train(TrainingRun.of(SmallModel.of(data), data, sgd, plain), backend);
    }
    String last = "last.safetensors";
    assertArrayEquals(
        Files.readAllBytes(whole.resolve(last)), Files.readAllBytes(stopped.resolve(last)));
    assertNotEquals(-1, Files.mismatch(whole.resolve(last), plain.resolve(last)));
  }

  private static void train(TrainingRun run, Backend backend) {
    new Trainer(run, backend, TrainingListener.NONE).start();
  }

  @Test
  void anAugmentationIsOfTheRun() throws Exception {
    Path run = folder.resolve("run");
    String summary = printed(OwnAugmentation::main, run.toString(), "4", "1");
    assertTrue(summary.startsWith("trained 2 of 2 steps"), summary);
    String description = Files.readString(run.resolve("config.json"));
    assertTrue(description.contains("vertical_flip"), description);
  }

  @Test
  void aVerticalFlipMovesRowsAndBoxes() {
    Image image = Image.of(3, 1, new byte[] {1, 1, 1, 2, 2, 2, 3, 3, 3});
    Target target = new Target(List.of(new Box(0, 0, 1, 1)), new int[] {1});
    try (Sample flipped =
        new OwnAugmentation.VerticalFlip(1)
            .apply(new Sample(image, target, List.of()), new Chance())) {
      assertArrayEquals(
          new byte[] {3, 3, 3, 2, 2, 2, 1, 1, 1},
          flipped.image().pixels().toArray(ValueLayout.JAVA_BYTE));
      assertEquals(List.of(new Box(0, 2, 1, 3)), flipped.target().boxes());
    }
  }

  @Test
  void labelsOfYoloBecomeACocoFile() throws Exception {
    Path labels = Files.createDirectory(folder.resolve("labels"));
    Path images = Files.createDirectory(folder.resolve("images"));
    for (String name : List.of("a", "b")) {
      BufferedImage pixels = new BufferedImage(40, 20, BufferedImage.TYPE_INT_RGB);
      ImageIO.write(pixels, "png", images.resolve(name + ".png").toFile());
    }
    Files.writeString(labels.resolve("a.txt"), "\uFEFF1 0.5 0.25 0.5 0.5\r\n\r\n0 0.5 0.5 1 1\n\n");
    Path names = Files.writeString(folder.resolve("names.txt"), "cat\n\"big\" dog\n\n");
    Path out = folder.resolve("train.json");
    String counts =
        printed(
            YoloToCoco::main,
            labels.toString(),
            images.toString(),
            names.toString(),
            out.toString());
    assertEquals("2 images, 2 objects", counts.strip());
    Dataset data = CocoDataset.open(out, images, DatasetOptions.DEFAULT);
    assertEquals(List.of("cat", "\"big\" dog"), data.classNames());
    assertEquals(2, data.size());
    Target found = data.get(0).target();
    assertEquals(List.of(new Box(10, 0, 30, 10), new Box(0, 0, 40, 20)), found.boxes());
    assertArrayEquals(new int[] {2, 1}, found.labels());
    assertEquals(0, data.get(1).annotations().size());
  }

  private static final class Chance implements AugmentationContext {
    @Override
    public RandomGenerator random() {
      return RandomGenerator.getDefault();
    }

    @Override
    public int imageCount() {
      return 0;
    }

    @Override
    public Sample sample(int index) {
      throw new IndexOutOfBoundsException(index);
    }
  }

  private interface Program {
    void main(String... args) throws Exception;
  }

  private static String printed(Program program, String... args) throws Exception {
    PrintStream before = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      program.main(args);
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
