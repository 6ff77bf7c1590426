package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.testing.TestTensors;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What softmax and the losses owe, and their gradients. */
class LossContractTest extends BackendContract {

  @Test
  void crossEntropiesAreTorchs() {
    OracleFile oracle = OracleFile.ops();
    Tensor loss = tensors.floatOutput(1);
    Tensor dLogits = tensors.floatOutput(9, 6);
    backend
        .losses()
        .softmaxCrossEntropy(
            tensors.floats(oracle.floats("softmax_cross_entropy.in.logits"), 9, 6),
            tensors.ints(oracle.ints("softmax_cross_entropy.in.labels")),
            loss,
            dLogits);
    assertLoss(oracle, "softmax_cross_entropy", "logits", 1, loss, dLogits);

    float[] labels = oracle.floats("sigmoid_cross_entropy.in.labels");
    int[] integers = new int[31];
    for (int i = 0; i < 31; i++) {
      integers[i] = (int) labels[i];
    }
    Tensor dObjectness = tensors.floatOutput(31);
    backend
        .losses()
        .sigmoidCrossEntropy(
            tensors.floats(oracle.floats("sigmoid_cross_entropy.in.logits")),
            tensors.ints(integers),
            loss,
            dObjectness);
    assertLoss(oracle, "sigmoid_cross_entropy", "logits", 1, loss, dObjectness);
  }

  @Test
  void smoothL1IsTorchs() {
    OracleFile oracle = OracleFile.ops();
    Tensor loss = tensors.floatOutput(1);
    Tensor dx = tensors.floatOutput(13, 4);
    int[] labels = new int[13];
    Arrays.fill(labels, 1);
    backend
        .losses()
        .smoothL1(
            (float) oracle.parameters("smooth_l1").get("beta").asDouble(),
            tensors.floats(oracle.floats("smooth_l1.in.x"), 13, 4),
            tensors.floats(oracle.floats("smooth_l1.in.target"), 13, 4),
            tensors.ints(labels),
            loss,
            dx);
    assertLoss(oracle, "smooth_l1", "x", 13, loss, dx);
  }

  /** The reference sums or averages and seeds the gradient with a factor. */
  private void assertLoss(
      OracleFile oracle, String name, String input, int rows, Tensor loss, Tensor gradient) {
    float expected = oracle.floats(name + ".out.y")[0];
    assertEquals(expected, rows * tensors.floats(loss)[0], 1e-6 * Math.abs(expected), name);
    float factor = rows * oracle.floats(name + ".seed")[0];
    float[] slopes = tensors.floats(gradient);
    for (int i = 0; i < slopes.length; i++) {
      slopes[i] *= factor;
    }
    float[] reference = oracle.floats(name + ".grad." + input);
    assertTrue(relativeNorm(reference, slopes) < 1e-6, name + ": gradient");
  }

  @Test
  void theBoxHeadsLossesAreTorchvisions() {
    OracleFile oracle = OracleFile.resource("/oracle/regions.safetensors");
    Tensor labels = tensors.ints(oracle.ints("box_losses.in.labels"));
    Tensor loss = tensors.floatOutput(1);
    Tensor dLogits = tensors.floatOutput(90, 6);
    backend
        .losses()
        .softmaxCrossEntropy(
            tensors.floats(oracle.floats("box_losses.in.logits"), 90, 6), labels, loss, dLogits);
    assertClose(oracle.floats("box_losses.out.classifier"), tensors.floats(loss), 1e-6, "loss");
    assertTrue(
        relativeNorm(oracle.floats("box_losses.grad.logits"), tensors.floats(dLogits)) < 1e-6);

    Tensor dDeltas = tensors.floatOutput(90, 24);
    backend
        .losses()
        .smoothL1(
            1 / 9f,
            tensors.floats(oracle.floats("box_losses.in.deltas"), 90, 24),
            tensors.floats(oracle.floats("box_losses.in.targets"), 90, 4),
            labels,
            loss,
            dDeltas);
    assertClose(oracle.floats("box_losses.out.box"), tensors.floats(loss), 1e-6, "box loss");
    assertTrue(
        relativeNorm(oracle.floats("box_losses.grad.deltas"), tensors.floats(dDeltas)) < 1e-6);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void rowsWithoutALabelCountNothing(int rows) {
    int[] labels = new int[rows];
    Arrays.fill(labels, -1);
    Tensor ignored = tensors.ints(labels, rows);
    Tensor loss = tensors.floatOutput(1);
    Tensor x = gaussians(new Random(1), rows, 8);
    Tensor dx = tensors.floatOutput(rows, 8);
    backend.losses().softmaxCrossEntropy(x, ignored, loss, dx);
    assertZero(loss, dx);
    backend.losses().smoothL1(1, x, gaussians(new Random(2), rows, 4), ignored, loss, dx);
    assertZero(loss, dx);
    Tensor dLogits = tensors.floatOutput(rows);
    backend.losses().sigmoidCrossEntropy(gaussians(new Random(3), rows), ignored, loss, dLogits);
    assertZero(loss, dLogits);
  }

  private void assertZero(Tensor loss, Tensor gradient) {
    assertArrayEquals(new float[1], tensors.floats(loss));
    float[] slopes = tensors.floats(gradient);
    assertArrayEquals(new float[slopes.length], slopes);
  }

  @Test
  void largeLogitsDoNotOverflow() {
    Tensor loss = tensors.floatOutput(1);
    Tensor dLogits = tensors.floatOutput(2, 3);
    backend
        .losses()
        .softmaxCrossEntropy(
            tensors.floats(new float[] {1e4f, -1e4f, 0, -3e38f, -3e38f, -3e38f}, 2, 3),
            tensors.ints(new int[] {1, 2}),
            loss,
            dLogits);
    assertEquals((2e4 + Math.log(3)) / 2, tensors.floats(loss)[0], 1e-2);
    assertClose(
        new float[] {0.5f, -0.5f, 0, 1 / 6f, 1 / 6f, -1 / 3f},
        tensors.floats(dLogits),
        1e-6,
        "gradient");
    Tensor dObjectness = tensors.floatOutput(4);
    backend
        .losses()
        .sigmoidCrossEntropy(
            tensors.floats(new float[] {1e4f, -1e4f, 1e4f, -1e4f}),
            tensors.ints(new int[] {1, 0, 0, 1}),
            loss,
            dObjectness);
    assertEquals(5e3, tensors.floats(loss)[0], 1e-2);
    assertClose(new float[] {0, 0, 0.25f, -0.25f}, tensors.floats(dObjectness), 1e-6, "gradient");
  }

  @Test
  void gradientsAreThoseOfTheLosses() {
    Random random = new Random(13);
    Tensor labels = tensors.ints(new int[] {2, -1, 0, 1, 3, 0});
    float[] logits = values(random, 6 * 4);
    assertGradient(
        logits,
        new long[] {6, 4},
        (x, loss, dx) -> backend.losses().softmaxCrossEntropy(x, labels, loss, dx));
    assertGradient(
        values(random, 6),
        new long[] {6},
        (x, loss, dx) -> backend.losses().sigmoidCrossEntropy(x, labels, loss, dx));
    Tensor targets = gaussians(random, 6, 4);
    for (float beta : new float[] {0, 0.3f, 2}) {
      assertGradient(
          values(random, 6 * 16),
          new long[] {6, 16},
          (x, loss, dx) -> backend.losses().smoothL1(beta, x, targets, labels, loss, dx));
      assertGradient(
          values(random, 6 * 4),
          new long[] {6, 4},
          (x, loss, dx) -> backend.losses().smoothL1(beta, x, targets, labels, loss, dx));
    }
  }

  /** Rows and classes around the widths of warps and blocks; logits that begin anywhere. */
  @ParameterizedTest
  @CsvSource({"1,1", "3,31", "9,32", "33,33", "70,91", "2100,3", "2,1203"})
  void losesTheSameAtAnySize(int rows, int classes) {
    Random random = new Random(31 * rows + classes);
    int[] labels = random.ints(rows, -1, classes).toArray();
    labels[0] = classes - 1;
    float[] x = values(random, rows * classes);
    long counted = Arrays.stream(labels).filter(label -> label >= 0).count();
    float[] slopes = new float[x.length];
    double loss = 0;
    for (int r = 0; r < rows; r++) {
      if (labels[r] < 0) {
        continue;
      }
      double sum = 0;
      for (int c = 0; c < classes; c++) {
        sum += Math.exp(x[r * classes + c]);
      }
      loss += Math.log(sum) - x[r * classes + labels[r]];
      for (int c = 0; c < classes; c++) {
        double share = Math.exp(x[r * classes + c]) / sum - (c == labels[r] ? 1 : 0);
        slopes[r * classes + c] = (float) (share / counted);
      }
    }
    float[] shifted = new float[x.length + 1];
    System.arraycopy(x, 0, shifted, 1, x.length);
    Tensor value = tensors.floatOutput(1);
    Tensor gradient = tensors.floatOutput(x.length + 1).view(4, Shape.of(rows, classes), DType.F32);
    backend
        .losses()
        .softmaxCrossEntropy(
            tensors.floats(shifted).view(4, Shape.of(rows, classes), DType.F32),
            tensors.ints(labels),
            value,
            gradient);
    assertEquals(loss / counted, tensors.floats(value)[0], 1e-6 * (1 + loss / counted));
    assertTrue(relativeNorm(slopes, tensors.floats(gradient)) < 1e-6, "gradient");

    // twice the same bits
    float before = tensors.floats(value)[0];
    Tensor again = tensors.floatOutput(rows, classes);
    backend
        .losses()
        .softmaxCrossEntropy(tensors.floats(x, rows, classes), tensors.ints(labels), value, again);
    assertEquals(before, tensors.floats(value)[0]);
    assertArrayEquals(tensors.floats(gradient), tensors.floats(again));
  }

  /** Rows and boxes of a row; the gradient begins anywhere. */
  @ParameterizedTest
  @CsvSource({"1,1,0", "300,1,1", "65,2,0", "40,21,0", "40,21,1", "3,91,1"})
  void onlyTheLabelsBoxIsLearnt(int rows, int boxes, int shift) {
    Random random = new Random(rows);
    int[] labels = random.ints(rows, -1, Math.max(2, boxes)).toArray();
    labels[0] = 1;
    float[] x = values(random, rows * 4 * boxes);
    float[] targets = values(random, rows * 4);
    long counted = Arrays.stream(labels).filter(label -> label >= 0).count();
    float[] slopes = new float[x.length];
    double loss = 0;
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < 4 && labels[r] > 0; c++) {
        int at = 4 * (r * boxes + (boxes > 1 ? labels[r] : 0)) + c;
        double d = (double) x[at] - targets[4 * r + c];
        loss += Math.abs(d) < 0.5 ? d * d : Math.abs(d) - 0.25;
        slopes[at] = (float) ((Math.abs(d) < 0.5 ? 2 * d : Math.signum(d)) / counted);
      }
    }
    Tensor value = tensors.floatOutput(1);
    Tensor gradient =
        tensors
            .floatOutput(x.length + shift)
            .view(4L * shift, Shape.of(rows, 4L * boxes), DType.F32);
    backend
        .losses()
        .smoothL1(
            0.5f,
            tensors.floats(x, rows, 4L * boxes),
            tensors.floats(targets, rows, 4),
            tensors.ints(labels),
            value,
            gradient);
    assertEquals(loss / counted, tensors.floats(value)[0], 1e-6 * (1 + loss / counted));
    assertClose(slopes, tensors.floats(gradient), 1e-7, "gradient");
  }

  @FunctionalInterface
  private interface Loss {
    void compute(Tensor x, Tensor loss, Tensor dx);
  }

  private void assertGradient(float[] at, long[] dims, Loss loss) {
    Tensor value = tensors.floatOutput(1);
    Tensor dx = tensors.floatOutput(dims);
    loss.compute(tensors.floats(at, dims), value, dx);
    float[] gradient = tensors.floats(dx);
    Tensor ignored = tensors.floatOutput(dims);
    ToDoubleFunction<float[]> evaluate =
        x -> {
          loss.compute(tensors.floats(x, dims), value, ignored);
          return tensors.floats(value)[0];
        };
    float step = 1f / 128;
    for (int i = 0; i < at.length; i++) {
      float[] above = at.clone();
      float[] below = at.clone();
      above[i] += step;
      below[i] -= step;
      double slope = (evaluate.applyAsDouble(above) - evaluate.applyAsDouble(below)) / (2 * step);
      // a step across smooth L1's kink is off by up to half a step
      assertEquals(slope, gradient[i], 2e-3, "element " + i);
    }
  }

  @Test
  void lossesDoNotDependOnTheThreads() {
    assertArrayEquals(losses(1), losses(3));
  }

  private static float[] losses(int threads) {
    try (Backend cpu = TestBackends.cpu(threads);
        TestTensors own = new TestTensors(cpu)) {
      Random random = new Random(17);
      int rows = 5000;
      int[] labels = random.ints(rows, -1, 5).toArray();
      Tensor x = own.floats(values(random, rows * 20), rows, 20);
      Tensor t = own.ints(labels);
      Tensor loss = own.floatOutput(3);
      Tensor dx = own.floatOutput(rows, 20);
      Tensor dLogits = own.floatOutput(rows);
      Consumer<Integer> compute =
          which -> {
            Tensor to = loss.rows(which, 1);
            switch (which) {
              case 0 -> cpu.losses().softmaxCrossEntropy(x, t, to, dx);
              case 1 ->
                  cpu.losses().smoothL1(0.1f, x, x.reshape(5L * rows, 4).rows(0, rows), t, to, dx);
              default ->
                  cpu.losses()
                      .sigmoidCrossEntropy(dx.reshape(20L * rows).rows(0, rows), t, to, dLogits);
            }
          };
      for (int which = 0; which < 3; which++) {
        compute.accept(which);
      }
      return own.floats(loss);
    }
  }
}
