package dev.cocoli.train;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.LossValues;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A small detector that is trained for some steps, detects, is trained for one more and detects
 * again, on a backend that is under test. Each step and each detection is held to one download and
 * to an empty pool.
 */
public final class TinyLife {
  private static final int BATCH = 2;

  private final Backend backend;
  private final Path folder;
  private final List<LossValues> losses = new ArrayList<>();
  private final List<List<Detection>> detections = new ArrayList<>();

  /**
   * Begins one.
   *
   * @param backend what computes
   * @param folder for images
   */
  public TinyLife(Backend backend, Path folder) {
    this.backend = backend;
    this.folder = folder;
  }

  /** {@return what the steps found} */
  public List<LossValues> losses() {
    return losses;
  }

  /** {@return what the detections found} */
  public List<List<Detection>> detections() {
    return detections;
  }

  /**
   * Lives it.
   *
   * @param norm of the backbone
   * @param precision what is computed in
   * @param steps how many before the first detections
   * @param detectionsEach how many detections each time
   */
  public void run(Norm.Type norm, Precision precision, int steps, int detectionsEach)
      throws IOException {
    RectangleData data = RectangleData.draw(folder, BATCH * (steps + 1), 1);
    ModelSpec spec =
        ModelSpec.of("fasterrcnn_tiny_fpn", RectangleData.CLASSES, norm)
            .withConfig(
                c ->
                    c.withTransform(t -> t.withSizes(32, 64))
                        .withRpn(
                            r ->
                                r.withPreNmsTopNTrain(50)
                                    .withPostNmsTopNTrain(20)
                                    .withPreNmsTopNTest(50)
                                    .withPostNmsTopNTest(20))
                        .withSampling(s -> s.withBatchSizePerImage(8))
                        .withBoxHead(b -> b.withHeadSize(32).withScoreThresh(0.01f)));
    DetectionModel model = spec.build();
    TrainConfig config = TinyRuns.config().withPrecision(precision);
    try (ParameterArena parameters =
            ParameterArena.forTraining(backend, model, config.update().optimizer().stateNames());
        DataLoader loader = new DataLoader(data, DataLoaderConfig.of(BATCH), warning -> {});
        Epoch epoch = loader.epoch(0, 0);
        Image image = new ImageDecoder().decode(data.get(0))) {
      parameters.initialize(1);
      TrainingStep step = new TrainingStep(model, parameters, config);
      try (Detector detector = Detector.over(spec, model, backend, precision)) {
        for (int i = 0; i < steps; i++) {
          train(step, epoch);
        }
        for (int i = 0; i < detectionsEach; i++) {
          detect(detector, image);
        }
        train(step, epoch);
        for (int i = 0; i < detectionsEach; i++) {
          detect(detector, image);
        }
      }
    }
  }

  private void train(TrainingStep step, Epoch epoch) {
    long before = backend.transfers().downloadCount();
    try (Batch batch = epoch.next();
        DeviceBatch uploaded = DeviceBatch.upload(backend, backend.pool(), batch)) {
      losses.add(step.run(uploaded, losses.size(), 0.02));
    }
    requireOneWait(before, "a step");
  }

  private void detect(Detector detector, Image image) {
    long before = backend.transfers().downloadCount();
    detections.add(detector.detect(image));
    requireOneWait(before, "a detection");
  }

  private void requireOneWait(long before, String what) {
    long waits = backend.transfers().downloadCount() - before;
    if (waits != 1 || backend.pool().usedBytes() != 0) {
      throw new IllegalStateException(
          what + ": " + waits + " downloads, " + backend.pool().usedBytes() + " bytes in the pool");
    }
  }
}
