package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.LossValues;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.classic.Rcnn;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.testing.Bf16;
import dev.cocoli.train.optim.Sgd;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A step and a detection of each model of the family: memory, waits, and both precisions. */
@Tag("slow")
class FamilyStepTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"fastrcnn_tiny", "fastrcnn_tinyvgg", "fasterrcnn_tinyvgg", "rcnn_tiny"})
  void stepsAndDetectionsLeaveNothingBehindAndWaitOnce(String name) throws IOException {
    stepAndDetect(name, Precision.FP32);
  }

  @ParameterizedTest
  @ValueSource(strings = {"fastrcnn_tiny", "fastrcnn_tinyvgg", "fasterrcnn_tinyvgg", "rcnn_tiny"})
  void stepsInMixedPrecisionStartWithTheSameLosses(String name) throws IOException {
    try (Backend backend = Backends.open(Device.CPU)) {
      Bf16.assume(backend);
    }
    double exact = stepAndDetect(name, Precision.FP32).total();
    assertEquals(exact, stepAndDetect(name, Precision.BF16).total(), 0.02 * exact);
  }

  /** Does both once, with checks of memory and waits; returns the losses of the step. */
  private LossValues stepAndDetect(String name, Precision precision) throws IOException {
    ModelSpec spec = ModelSpec.of(name, RectangleData.CLASSES, Norm.Type.BATCH);
    spec =
        spec.build().fittedHead().isPresent()
            ? spec.withConfig(
                c -> c.withClassic(f -> f.withWarp(w -> w.withSize(32)).withMaxProposals(40)))
            : spec.withConfig(c -> c.withTransform(t -> t.withSizes(64, 96)));
    RectangleData data = RectangleData.draw(folder, 2, 1);
    DetectionModel model = spec.build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters =
            ParameterArena.forTraining(backend, model, Sgd.DEFAULT.stateNames());
        DataLoader loader =
            new DataLoader(data, DataLoaderConfig.of(2), FamilyTest.WINDOWS, warning -> {});
        Epoch epoch = loader.epoch(0, 0);
        Batch batch = epoch.next()) {
      parameters.initialize(1);
      TrainingStep step =
          new TrainingStep(model, parameters, TinyRuns.config().withPrecision(precision));
      long before = backend.transfers().downloadCount();
      LossValues losses;
      try (DeviceBatch uploaded = DeviceBatch.upload(backend, backend.pool(), batch)) {
        losses = step.run(uploaded, 0, 0.01);
      }
      assertTrue(losses.areFinite() && losses.value("loss_classifier") > 0, losses.toString());
      assertEquals(spec.needsProposals(), !losses.names().contains("loss_objectness"));
      assertEquals(1, backend.transfers().downloadCount() - before, "waits of a step");
      assertEquals(0, backend.pool().usedBytes(), "in the pool after a step");
      if (model instanceof Rcnn rcnn) {
        int width = rcnn.featureCount();
        rcnn.finish(
            backend, new float[2 * width], new float[2], new float[8 * width], new float[8]);
      }
      try (Detector detector =
              Detector.over(spec, model, backend, precision).withProposals(FamilyTest.WINDOWS);
          Image image = new ImageDecoder().decode(data.get(0))) {
        before = backend.transfers().downloadCount();
        detector.detect(image);
        assertEquals(1, backend.transfers().downloadCount() - before, "waits of a detection");
        assertEquals(0, backend.pool().usedBytes(), "in the pool after a detection");
      }
      return losses;
    }
  }
}
