package dev.cocoli.detection;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.image.Image;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TestBackends;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Images on which nothing is proposed, and images that are hardly any. */
class OddImagesTest {
  private static final ModelSpec SPEC =
      ModelSpec.of("fasterrcnn_tiny_fpn", List.of("a", "b"), Norm.Type.FROZEN)
          .withConfig(c -> c.withTransform(t -> t.withSizes(64, 96)));

  /** No score of a sigmoid is as high. */
  private static final ModelSpec PROPOSES_NOTHING =
      SPEC.withConfig(c -> c.withRpn(r -> r.withScoreThresh(2f)));

  private Backend backend;

  @BeforeEach
  void open() {
    backend = TestBackends.open();
  }

  @AfterEach
  void close() {
    backend.close();
  }

  @Test
  void whereNothingIsProposedNothingIsFound() {
    assertEquals(
        List.of(List.of(), List.of()), detect(PROPOSES_NOTHING, grey(64, 64), grey(40, 90)));
  }

  @Test
  void whereNothingIsProposedTrainingGoesOn() {
    DetectionModel model = PROPOSES_NOTHING.build();
    try (ParameterArena parameters = ParameterArena.forTraining(backend, model);
        TensorScope scope = new TensorScope(backend.pool());
        Image image = grey(64, 64)) {
      parameters.initialize(1);
      Tape tape = new Tape();
      parameters.watch(tape);
      Ops ops = new Ops(backend, scope, tape);
      Tensor tensor = ops.allocate(DType.U8, 64, 64, 3);
      backend.transfers().upload(image.pixels(), tensor);
      float[] losses =
          ops.download(
              model.loss(
                  ops, Inputs.of(List.of(tensor)), List.of(new Target(List.of(), new int[0])), 1));
      ops.backward();
      assertEquals(0, losses[0], "no region, so there is nothing to classify");
      assertEquals(0, losses[1]);
      assertTrue(losses[2] > 0 && Float.isFinite(losses[2]), "anchors there are: " + losses[2]);
    }
  }

  @Test
  void narrowImagesKeepARowOfPixels() {
    ImageTransform transform = new ImageTransform(SPEC.config().transform());
    assertArrayEquals(new long[] {1, 96}, transform.resizedSize(1, 300));
    assertArrayEquals(new long[] {96, 1}, transform.resizedSize(480, 2));
    assertArrayEquals(new long[] {64, 64}, transform.resizedSize(1, 1));
    assertEquals(3, detect(SPEC, grey(1, 300), grey(480, 2), grey(1, 1)).size());
  }

  private List<List<Detection>> detect(ModelSpec spec, Image... images) {
    DetectionModel model = spec.build();
    try (ParameterArena parameters = ParameterArena.forInference(backend, model);
        Detector detector = Detector.over(spec, model, backend, Precision.FP32)) {
      parameters.initialize(1);
      return detector.detect(List.of(images));
    } finally {
      for (Image image : images) {
        image.close();
      }
    }
  }

  private static Image grey(int height, int width) {
    byte[] bytes = new byte[3 * height * width];
    java.util.Arrays.fill(bytes, (byte) 90);
    return Image.of(height, width, bytes);
  }
}
