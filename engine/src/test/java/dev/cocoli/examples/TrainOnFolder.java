package dev.cocoli.examples;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingResult;
import dev.cocoli.train.TrainingRun;
import java.nio.file.Path;
import java.util.Map;

/**
 * Trains a detector on a Pascal VOC folder: trains on its list train, evaluates on its list val.
 */
final class TrainOnFolder {
  private TrainOnFolder() {}

  static void main(String[] args) {
    Dataset training = VocDataset.open(Path.of(args[0]), "train");
    Dataset validation = VocDataset.open(Path.of(args[0]), "val");
    String name = args[1]; // such as fasterrcnn_resnet18_fpn
    ModelSpec model =
        ModelSpec.of(name, training.classNames(), Norm.Type.BATCH)
            .with(Map.of("min_size", "240", "max_size", "480"));
    TrainConfig config = TrainConfig.DEFAULT.withEpochs(Integer.parseInt(args[2])).withBatch(4);
    TrainingRun run =
        TrainingRun.of(model, training, config, Path.of(args[3])).withValidation(validation);
    try (Backend backend = Backends.open(Device.CPU)) {
      TrainingResult result = new Trainer(run, backend, TrainingListener.NONE).start();
      System.out.println(result.summary());
    }
  }
}
