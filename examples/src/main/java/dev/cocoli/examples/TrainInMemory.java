package dev.cocoli.examples;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.Dataset;
import dev.cocoli.report.TrainingPlots;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingResult;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Trains on a dataset of one's own, scores the weights after each epoch, and plots losses and AP:
 * {@code TrainInMemory RUN_FOLDER IMAGES EPOCHS}.
 */
final class TrainInMemory {
  private TrainInMemory() {}

  /** Prints how the run goes; a program that draws a bar overrides {@code stepDone}. */
  private static final class Lines implements TrainingListener {
    @Override
    public void evaluated(EvaluationReport report) {
      System.out.printf("epoch %d: AP %.3f%n", report.epoch(), report.metrics().ap());
    }

    @Override
    public void message(String text) {
      System.err.println(text);
    }
  }

  static void main(String[] args) throws IOException {
    Path out = Path.of(args[0]);
    int images = Integer.parseInt(args[1]);
    Dataset training = new ShapesInMemory(0, images);
    Dataset validation = new ShapesInMemory(images, Math.ceilDiv(images, 4));
    TrainConfig config =
        TrainConfig.DEFAULT
            .withEpochs(Integer.parseInt(args[2]))
            .withBatch(4)
            .withLearningRate(0.02);
    TrainingRun run =
        TrainingRun.of(SmallModel.of(training), training, config, out).withValidation(validation);
    try (Backend backend = Backends.open(Device.CPU)) {
      TrainingResult result = new Trainer(run, backend, new Lines()).start();
      System.out.println(result.summary());
    }
    TrainingPlots.write(out);
  }
}
