package dev.cocoli.detection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.Shard;
import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.Parameter;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.StateDict;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Differences;
import dev.cocoli.testing.Fixtures;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.train.DeviceBatch;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingStep;
import dev.cocoli.train.optim.Sgd;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Fast R-CNN against torchvision's box head over torchvision's VGG layers and RoIPool, on given
 * regions: what {@code vgg.py} wrote under {@code fast.*}.
 */
class FastRcnnParityTest {
  private static final Path FOLDER = Fixtures.folder("oracle").resolve("frcnn-tinyvgg-0");

  private Backend backend;
  private Reference reference;
  private DetectionModel model;
  private ParameterArena parameters;

  @BeforeEach
  void open() throws IOException {
    backend = TestBackends.open();
    reference = new Reference(FOLDER);
    model =
        ModelSpec.of("fastrcnn_tinyvgg", List.of("a", "b", "c"), Norm.Type.FROZEN)
            .withConfig(
                c ->
                    c.withTransform(t -> t.withSizes(number("min_size"), number("max_size")))
                        .withBoxHead(b -> b.withScoreThresh(score()).withNmsThresh(0.5f))
                        .withSampling(s -> s.withBgIouMin(0).withBatchSizePerImage(10_000_000)))
            .build();
    parameters = ParameterArena.forTraining(backend, model, Sgd.DEFAULT.stateNames());
    StateDict.load(model, backend, HashedWeights.of(model));
  }

  @AfterEach
  void close() {
    parameters.close();
    reference.close();
    backend.close();
  }

  private Inputs inputs(Ops ops) {
    List<Tensor> images = new ArrayList<>();
    List<List<Box>> regions = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      long[] shape = reference.shape("image." + i);
      images.add(ops.upload(reference.channelsLast("image." + i), shape[1], shape[2], 3));
      regions.add(reference.boxes("given." + i));
    }
    return new Inputs(images, regions);
  }

  @Test
  void detectionsAgree() {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE);
      List<List<Detection>> found = model.detect(ops, inputs(ops), PartListener.NONE);
      for (int i = 0; i < 2; i++) {
        AgreeingBoxes.assertDetections(
            reference,
            "fast.detections." + i,
            found.get(i),
            BoxHeadConfig.DEFAULT.detectionsPerImg());
      }
    }
  }

  private int number(String name) {
    return Integer.parseInt(reference.metadata().get(name));
  }

  private float score() {
    return Float.parseFloat(reference.metadata().get("score"));
  }

  @Test
  void lossesAndGradientsAgree() {
    List<Target> targets = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      int[] labels =
          Arrays.stream(reference.longs("labels." + i)).mapToInt(Math::toIntExact).toArray();
      targets.add(new Target(reference.boxes("boxes." + i), labels));
    }
    TensorScope scope = new TensorScope(backend.pool());
    Inputs inputs = inputs(new Ops(backend, scope, Tape.NONE));
    try (DeviceBatch batch =
        new DeviceBatch(Shard.of(2, 0, 1), inputs, targets, List.of(), scope)) {
      LossValues losses =
          new TrainingStep(model, parameters, TrainConfig.DEFAULT).run(batch, 0, 0.01);
      assertEquals(
          reference.floats("fast.loss_classifier")[0], losses.value("loss_classifier"), 4e-5);
      assertEquals(reference.floats("fast.loss_box_reg")[0], losses.value("loss_box_reg"), 1e-5);
      assertEquals(List.of("loss_classifier", "loss_box_reg"), losses.names());
    }
    List<String> names = reference.names("fast.grad.");
    assertEquals(model.namedParameters().size(), names.size(), "all but the RPN's have a gradient");
    for (String name : names) {
      Parameter parameter = model.namedParameters().get(name.substring("fast.grad.".length()));
      double off = Differences.relativeNorm(reference.floats(name), everySixtyFourth(parameter));
      assertTrue(off < 1e-4, name + " is off by " + off);
    }
  }

  /** In torch's layout. */
  private float[] everySixtyFourth(Parameter parameter) {
    float[] all = new float[(int) parameter.shape().elementCount()];
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE);
      float[] here = ops.download(parameter.gradient());
      long[] extents = parameter.layout().transpose(parameter.shape());
      int channels = (int) extents[1];
      int pixels = (int) extents[2];
      for (int i = 0; i < all.length; i++) {
        int outer = i / (channels * pixels);
        int channel = i / pixels % channels;
        all[i] = here[(outer * pixels + i % pixels) * channels + channel];
      }
    }
    float[] some = new float[(all.length + 63) / 64];
    for (int i = 0; i < some.length; i++) {
      some[i] = all[64 * i];
    }
    return some;
  }

  @Test
  void anImageWithoutRegionsHasNoDetectionsAndItsObjectsAreStillLearned() {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE);
      Inputs none = new Inputs(inputs(ops).images(), List.of(List.of(), List.of()));
      assertEquals(List.of(List.of(), List.of()), model.detect(ops, none, PartListener.NONE));
    }
    for (List<Box> objects : List.of(List.of(new Box(3, 3, 30, 30)), List.<Box>of())) {
      try (TensorScope scope = new TensorScope(backend.pool())) {
        Tape tape = new Tape();
        parameters.watch(tape);
        Ops ops = new Ops(backend, scope, tape);
        Inputs none = new Inputs(inputs(ops).images(), List.of(List.of(), List.of()));
        Target target = new Target(objects, objects.isEmpty() ? new int[0] : new int[] {1});
        Tensor losses = model.loss(ops, none, List.of(target, target), 0);
        ops.backward();
        LossValues read = LossValues.of(model.lossNames(), ops.download(losses));
        assertTrue(read.areFinite());
        assertEquals(objects.isEmpty(), read.total() == 0, "loss " + read);
      }
    }
  }
}
