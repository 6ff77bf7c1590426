package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run gets the advice that fits it, and none where all is as it should be. */
class StartAdviceTest {
  @TempDir private Path folder;
  private Path data;

  @BeforeEach
  void makeData() throws IOException {
    data = folder.resolve("data");
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 3)).writeVoc(data, 6, 2);
  }

  @Test
  void aWholeRunNeedsNone() {
    assertEquals(List.of(), StartAdvice.of(scored("train", "val"), false, true));
  }

  @Test
  void randomWeightsAreMentioned() {
    List<String> advice = StartAdvice.of(unscored("train"), true, false);
    assertEquals(1, advice.size(), advice.toString());
    assertTrue(advice.getFirst().startsWith("no --weights: "), advice.getFirst());
  }

  @Test
  void aRunWithoutAScoreIsMentionedUnlessItIsWanted() {
    TrainingRun run = unscored("train").withWeights(folder.resolve("weights.pth"));
    assertEquals(List.of(), StartAdvice.of(run, true, false));
    assertTrue(StartAdvice.of(run, true, true).getFirst().contains("--val-split FILE.json"));
    assertTrue(StartAdvice.of(run, false, true).getFirst().contains("--val-split NAME"));
  }

  @Test
  void anEarlyStopWithoutAScoreIsMentioned() {
    TrainingRun run = unscored("train").withWeights(folder.resolve("weights.pth"));
    TrainConfig patient = run.config().withEvaluation(e -> e.withPatience(3));
    assertEquals(
        List.of("--early-stop does nothing: there are no images to score on"),
        StartAdvice.of(run.withConfig(patient), true, false));
  }

  @Test
  void imagesOfBothSplitsAreCounted() {
    List<String> advice = StartAdvice.of(scored("trainval", "val"), false, true);
    assertEquals(1, advice.size(), advice.toString());
    assertTrue(
        advice.getFirst().startsWith("2 of the 2 images that are scored"), advice.getFirst());
  }

  @Test
  void imagesToScoreOnWithoutObjectsAreMentioned() throws IOException {
    for (String name : Files.readAllLines(data.resolve("ImageSets/Main/val.txt"))) {
      Path xml = data.resolve("Annotations").resolve(name.strip() + ".xml");
      String text = Files.readString(xml);
      Files.writeString(xml, text.replaceAll("(?s)<object>.*</object>", ""));
    }
    assertEquals(
        List.of("no object is marked on the images that are scored on, so there will be no AP"),
        StartAdvice.of(scored("train", "val"), false, true));
  }

  @Test
  void classesWithoutObjectsAreNamed() {
    List<String> names = List.of("circle", "dog", "square", "star", "cat", "triangle");
    Dataset training = VocDataset.open(data, "train", DatasetOptions.DEFAULT.withClassNames(names));
    String advice = StartAdvice.of(run(training), false, false).getLast();
    assertEquals("no object that is trained on is of the class dog, cat", advice);
  }

  private TrainingRun unscored(String split) {
    return run(VocDataset.open(data, split));
  }

  private TrainingRun run(Dataset training) {
    ModelSpec model = ModelSpec.of("fasterrcnn_tiny_fpn", training.classNames(), Norm.Type.FROZEN);
    return TrainingRun.of(model, training, TrainConfig.DEFAULT, folder.resolve("run"));
  }

  private TrainingRun scored(String split, String validation) {
    return unscored(split)
        .withWeights(folder.resolve("weights.pth"))
        .withValidation(VocDataset.open(data, validation));
  }
}
