package dev.cocoli.train;

import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.train.optim.StepSchedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** Runs of a few milliseconds a step. */
public final class TinyRuns {
  private TinyRuns() {}

  public static ModelSpec model(List<String> classNames) {
    return ModelSpec.of("fasterrcnn_tiny_fpn", classNames, Norm.Type.BATCH)
        .withConfig(
            c ->
                c.withTransform(t -> t.withSizes(64, 96))
                    .withRpn(
                        r ->
                            r.withPreNmsTopNTrain(100)
                                .withPostNmsTopNTrain(50)
                                .withPreNmsTopNTest(100)
                                .withPostNmsTopNTest(50))
                    .withSampling(s -> s.withBatchSizePerImage(32)));
  }

  /** Eight steps an epoch, quiet, with a constant rate. */
  public static TrainConfig config() {
    return TrainConfig.DEFAULT
        .withEpochs(3)
        .withBatch(2)
        .withLearningRate(0.02)
        .withSchedule(new StepSchedule(OptionalInt.of(4), List.of()))
        .withSeed(7)
        .withLogEvery(1)
        .withData(d -> d.withWorkers(1));
  }

  /** A run into {@code folder/run} on sixteen images, scored on six. */
  static TrainingRun run(Path folder, TrainConfig config) throws IOException {
    return TrainingRun.of(
            model(RectangleData.CLASSES),
            RectangleData.draw(folder.resolve("train"), 16, 1),
            config,
            folder.resolve("run"))
        .withValidation(RectangleData.draw(folder.resolve("val"), 6, 2));
  }

  /** {@return a run with another folder} */
  static TrainingRun withOut(TrainingRun run, Path out) {
    return new TrainingRun(
        run.model(),
        run.trainData(),
        run.validationData(),
        run.weights(),
        run.proposals(),
        run.validationProposals(),
        run.dataOrigin(),
        run.options(),
        run.config(),
        out);
  }
}
