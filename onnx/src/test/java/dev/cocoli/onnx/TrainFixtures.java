package dev.cocoli.onnx;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.optim.StepSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.OptionalInt;

/**
 * The program that made the detectors of the tests: it trains small ones on images of shapes for a
 * minute each. Its argument is the folder that gets them.
 */
final class TrainFixtures {
  private static final int SIDE = 160;
  private static final int SEED = 7;

  private TrainFixtures() {}

  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args[0]);
    Path work = Files.createTempDirectory("fixtures");
    new ShapeScenes(ShapeScenesConfig.of(SIDE, SIDE, SEED)).writeVoc(work.resolve("data"), 400, 4);
    Dataset data = VocDataset.open(work.resolve("data"), "train");
    train(spec("fasterrcnn_tiny_fpn", data, 16, 32, 64, 96, 128), data, work, folder);
    train(spec("fasterrcnn_tinyvgg", data, 32, 64, 96), data, work, folder);
  }

  private static ModelSpec spec(String model, Dataset data, Integer... anchors) {
    return ModelSpec.of(model, data.classNames(), Norm.Type.BATCH)
        .withConfig(
            c ->
                c.withTransform(t -> t.withSizes(SIDE, SIDE))
                    .withAnchors(a -> a.withSizes(List.of(anchors)))
                    .withSampling(s -> s.withBatchSizePerImage(64)));
  }

  private static void train(ModelSpec spec, Dataset data, Path work, Path folder)
      throws IOException {
    TrainConfig config =
        TrainConfig.DEFAULT
            .withEpochs(8)
            .withBatch(8)
            .withSeed(SEED)
            .withLearningRate(0.04)
            .withSchedule(new StepSchedule(OptionalInt.of(50), List.of(0.7)));
    Path run = work.resolve(spec.model());
    try (Backend backend = Backends.open(Device.CPU)) {
      new Trainer(TrainingRun.of(spec, data, config, run), backend, TrainingListener.NONE).start();
    }
    Files.copy(
        run.resolve("last.safetensors"),
        folder.resolve(spec.model() + ".safetensors"),
        StandardCopyOption.REPLACE_EXISTING);
  }
}
