package dev.cocoli.ops;

import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Bf16;
import dev.cocoli.testing.TestBackends;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the tape records, in which order gradients arrive, and what memory is left. */
class TapeTest {
  private Backend backend;
  private TensorScope scope;
  private Tape tape;
  private Ops ops;

  @BeforeEach
  void open() {
    backend = TestBackends.open();
    scope = new TensorScope(backend.pool());
    tape = new Tape();
    ops = new Ops(backend, scope, tape);
  }

  @AfterEach
  void close() {
    scope.close();
    backend.close();
  }

  private Tensor random(long seed, long... dims) {
    Tensor tensor = ops.allocate(DType.F32, dims);
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[(int) tensor.elementCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return ops.upload(values, dims);
  }

  private Tensor zerosLike(Tensor x) {
    Tensor zeros = ops.allocate(DType.F32, x.shape().toArray());
    backend.copies().fill(zeros, 0);
    return zeros;
  }

  /** A residual block with a fork, a reshape and a join: x is used three times. */
  private Tensor loss(Ops on, Tensor x, Tensor weight) {
    Conv2dSpec spec = Conv2dSpec.of(3, 1, 1).with(Activation.RELU);
    Tensor once = new DenseOps(on).conv2d(spec, x, weight, null, null, null);
    Tensor twice = new DenseOps(on).conv2d(spec, once, weight, null, null, x);
    long pixels = x.dim(1) * x.dim(2);
    Tensor rows = on.reshape(twice, x.dim(0) * pixels, x.dim(3));
    Tensor flat = on.reshape(x, x.dim(0) * pixels, x.dim(3));
    return crossEntropy(on, on.concatColumns(List.of(rows, flat)));
  }

  /** Maxima of a ReLU's output, which are used twice. */
  private Tensor lossOfMaxima(Ops on, Tensor x, Tensor weight) {
    Conv2dSpec spec = Conv2dSpec.of(3, 1, 1).with(Activation.RELU);
    Tensor once = new DenseOps(on).conv2d(spec, x, weight, null, null, null);
    Tensor maxima = new MapOps(on).maxPool2d(new Pool2dSpec(3, 2, 1), once);
    Tensor twice = new DenseOps(on).conv2d(spec, maxima, weight, null, null, maxima);
    return crossEntropy(on, on.reshape(twice, twice.elementCount() / 3, 3));
  }

  private static Tensor crossEntropy(Ops on, Tensor rows) {
    int[] labels = new int[(int) rows.dim(0)];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % (int) rows.dim(1);
    }
    Tensor value = on.allocate(DType.F32, 1);
    new Losses(on).softmaxCrossEntropy(rows, on.upload(labels, labels.length), value);
    return value;
  }

  @Test
  void gradientsAreThoseOfFiniteDifferences() {
    Tensor x = random(1, 2, 4, 5, 3);
    Tensor weight = random(2, 3, 3, 3, 3);
    Tensor dx = zerosLike(x);
    Tensor dWeight = zerosLike(weight);
    tape.watch(x, dx, null);
    tape.watch(weight, dWeight, null);
    loss(ops, x, weight);
    ops.backward();
    assertSlope(x, dx, on -> loss(on, x, weight));
    assertSlope(weight, dWeight, on -> loss(on, x, weight));
  }

  @Test
  void aMaskOnMaximaIsThatOfWhatTheyAreOf() {
    Tensor x = random(5, 2, 7, 8, 3);
    Tensor weight = random(6, 3, 3, 3, 3);
    Tensor dWeight = zerosLike(weight);
    tape.watch(weight, dWeight, null);
    lossOfMaxima(ops, x, weight);
    ops.backward();
    assertSlope(weight, dWeight, on -> lossOfMaxima(on, x, weight));
  }

  /** A layer whose output goes into a sum of two maps, a convolution, and once more elsewhere. */
  private Tensor lossOfPyramid(
      Ops on, Tensor x, Tensor weight, List<Tensor> parameters, Activation activation, int uses) {
    Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
    Tensor first = parameters.get(0);
    Tensor fine;
    if (parameters.size() == 1) {
      fine = new DenseOps(on).conv2d(spec.with(activation), x, weight, null, first, null);
    } else {
      Tensor raw = new DenseOps(on).conv2d(spec, x, weight, null, null, null);
      BatchNormSpec norm = new BatchNormSpec(1e-5f, 0.1f, activation);
      Tensor second = parameters.get(1);
      Tensor residual = parameters.size() == 3 ? x : null;
      Tensor mean = random(12, 3);
      Tensor var = random(13, 3);
      fine = new MapOps(on).batchNorm(norm, raw, first, second, residual, mean, var);
    }
    Tensor coarse =
        new DenseOps(on).conv2d(Conv2dSpec.of(1, 2, 0), x, random(9, 3, 1, 1, 3), null, null, null);
    Tensor sum = new MapOps(on).upsampleAdd(coarse, fine);
    Tensor last = new DenseOps(on).conv2d(spec, sum, weight, null, null, uses == 2 ? fine : null);
    Tensor once = new DenseOps(on).conv2d(spec, uses == 3 ? fine : last, weight, null, null, last);
    return crossEntropy(on, on.reshape(once, once.elementCount() / 3, 3));
  }

  /** Who computes the sums of a gradient computes those of what its writer needs. */
  @Test
  void gradientsOfBiasesAndNormsAreThoseOfFiniteDifferences() {
    Tensor x = random(7, 2, 4, 6, 3);
    Tensor weight = random(8, 3, 3, 3, 3);
    for (Activation activation : Activation.values()) {
      for (int count = 1; count <= 3; count++) {
        for (int uses = 1; uses <= 3; uses++) {
          // the third stands for a residual
          List<Tensor> parameters = List.of(random(10, 3), random(11, 3), x).subList(0, count);
          Activation relu = activation;
          int times = uses;
          List<Tensor> gradients = new ArrayList<>();
          tape = new Tape();
          ops = new Ops(backend, scope, tape);
          if (uses != 2) {
            tape.watch(weight, zerosLike(weight), null);
          }
          for (Tensor parameter : parameters) {
            gradients.add(zerosLike(parameter));
            tape.watch(parameter, gradients.getLast(), null);
          }
          lossOfPyramid(ops, x, weight, parameters, relu, times);
          ops.backward();
          for (int i = 0; i < count; i++) {
            assertSlope(
                parameters.get(i),
                gradients.get(i),
                on -> lossOfPyramid(on, x, weight, parameters, relu, times));
          }
        }
      }
    }
  }

  private void assertSlope(Tensor moved, Tensor gradient, Function<Ops, Tensor> loss) {
    float[] values = ops.download(moved);
    float[] slopes = ops.download(gradient);
    Ops plain = new Ops(backend, scope, Tape.NONE);
    for (int i = 0; i < values.length; i += 7) {
      double[] at = new double[2];
      for (int side = 0; side < 2; side++) {
        float[] changed = values.clone();
        changed[i] += side == 0 ? -1e-2f : 1e-2f;
        backend.transfers().upload(java.lang.foreign.MemorySegment.ofArray(changed), moved);
        at[side] = ops.download(loss.apply(plain))[0];
      }
      backend.transfers().upload(java.lang.foreign.MemorySegment.ofArray(values), moved);
      double measured = (at[1] - at[0]) / 2e-2;
      assertEquals(measured, slopes[i], 2e-2 * Math.max(0.05, Math.abs(measured)), "element " + i);
    }
  }

  /** Whoever contributes last masks, if it can; then the ReLU's own operation need not. */
  @Test
  void theConvolutionThatContributesLastMasks() {
    Conv2dSpec spec = Conv2dSpec.of(1, 1, 0);
    Tensor weight = random(2, 3, 1, 1, 3);
    assertMasked(true, y -> List.of(convolved(spec, y, weight, null)));
    assertMasked(
        true, y -> List.of(convolved(spec, y, weight, null), new MapOps(ops).upsampleAdd(y, y)));
    // the convolution comes before what was recorded first
    assertMasked(
        false, y -> List.of(new MapOps(ops).upsampleAdd(y, y), convolved(spec, y, weight, null)));
    assertMasked(false, y -> List.of(convolved(spec, y, weight, y)));
    assertMasked(true, y -> List.of(convolved(spec, convolved(spec, y, weight, null), weight, y)));
  }

  private Tensor convolved(Conv2dSpec spec, Tensor x, Tensor weight, Tensor residual) {
    return new DenseOps(ops).conv2d(spec, x, weight, null, null, residual);
  }

  /** Passes ones back from all that is made of the output of a ReLU. */
  private void assertMasked(boolean expected, Function<Tensor, List<Tensor>> consumers) {
    float[][] gradients = new float[2][];
    float[] values = null;
    for (int times = 0; times < 2; times++) {
      int run = times;
      tape = new Tape();
      ops = new Ops(backend, scope, tape);
      Tensor x = random(1, 1, 4, 5, 3);
      values = ops.download(x);
      tape.watch(x, zerosLike(x), null);
      Tensor y = ops.allocate(DType.F32, x.shape().toArray());
      backend.copies().copy(x, y);
      tape.record(
          y,
          List.of(x),
          List.of(),
          dy -> {
            assertEquals(expected && run == 0, tape.isMasked());
            gradients[run] = ops.download(dy);
          });
      if (run == 0) {
        tape.activated(y);
      }
      for (Tensor z : consumers.apply(y)) {
        tape.recordLoss(
            z,
            none -> {
              Tensor ones = ops.like(z);
              backend.copies().fill(ones, 1);
              tape.contribute(z, ones);
            });
      }
      ops.backward();
    }
    for (int i = 0; i < values.length; i++) {
      float plain = gradients[1][i];
      // without the sign of a zero
      float masked = gradients[0][i] + 0f;
      assertEquals(expected && values[i] <= 0 ? 0f : plain + 0f, masked, "element " + i);
    }
  }

  @Test
  void backwardLeavesNoMemoryBehind() {
    Tensor x = random(1, 1, 8, 8, 4);
    Tensor weight = random(2, 4, 3, 3, 4);
    Tensor dWeight = zerosLike(weight);
    tape.watch(weight, dWeight, null);
    int before = scope.liveTensors();
    loss(ops, x, weight);
    assertTrue(scope.liveTensors() > before + 4);
    ops.backward();
    // what stays are the loss's value and its labels, which no node made
    assertEquals(before + 2, scope.liveTensors());
  }

  @Test
  void inferenceReleasesAtOnceAndTrainingWhenTheGradientIsDone() {
    Conv2dSpec spec = Conv2dSpec.of(1, 1, 0);
    Tensor weight = random(2, 4, 1, 1, 4);
    Tensor x = random(1, 1, 8, 8, 4);
    Ops plain = new Ops(backend, scope, Tape.NONE);
    Tensor y = new DenseOps(plain).conv2d(spec, x, weight, null, null, null);
    int live = scope.liveTensors();
    plain.release(y);
    assertEquals(live - 1, scope.liveTensors());

    tape.watch(weight, zerosLike(weight), null);
    Tensor z = new DenseOps(ops).conv2d(spec, x, weight, null, null, null);
    live = scope.liveTensors();
    ops.release(z);
    ops.release(x);
    assertEquals(live, scope.liveTensors(), "the weight's gradient needs x, the tape frees z");
  }

  @Test
  void hooksFireOnceAfterTheLastUse() {
    Tensor x = random(1, 1, 4, 4, 3);
    Tensor weight = random(2, 3, 3, 3, 3);
    Tensor dWeight = zerosLike(weight);
    List<float[]> seen = new ArrayList<>();
    tape.watch(weight, dWeight, () -> seen.add(ops.download(dWeight)));
    loss(ops, x, weight);
    ops.backward();
    assertEquals(1, seen.size(), "the weight is used twice, the hook runs once");
    assertArrayEquals(ops.download(dWeight), seen.getFirst(), "with the whole gradient");
  }

  @Test
  void nothingIsRecordedThatNothingTrackedReaches() {
    Tensor x = random(1, 1, 4, 4, 3);
    Tensor frozen = random(2, 3, 3, 3, 3);
    Tensor y = new DenseOps(ops).conv2d(Conv2dSpec.of(3, 1, 1), x, frozen, null, null, null);
    assertFalse(tape.tracks(y));
    assertThrows(IllegalStateException.class, () -> Tape.NONE.watch(x, x, null));
  }

  @Test
  void wrongShapesAreRefused() {
    Tensor x = random(1, 1, 4, 4, 3);
    Tensor weight = random(2, 3, 3, 3, 5);
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> new DenseOps(ops).conv2d(Conv2dSpec.of(3, 1, 1), x, weight, null, null, null));
    assertTrue(e.getMessage().contains("[1, 4, 4, 3]"), e.getMessage());
  }

  @Test
  void castPassesGradientsBack() {
    Bf16.assume(backend);
    Tensor x = random(5, 6, 4);
    Tensor dx = zerosLike(x);
    tape.watch(x, dx, null);
    int[] labels = {0, 1, 2, 3, 0, 1};
    Tensor narrow = ops.cast(x, DType.BF16);
    assertEquals(DType.BF16, narrow.dtype());
    assertSame(narrow, ops.cast(narrow, DType.BF16));
    Tensor value = ops.allocate(DType.F32, 1);
    new Losses(ops).softmaxCrossEntropy(ops.cast(narrow, DType.F32), ops.upload(labels, 6), value);
    ops.backward();
    Tensor rounded = ops.upload(Bf16.round(ops.download(x)), 6, 4);
    Tensor exact = zerosLike(x);
    tape.watch(rounded, exact, null);
    new Losses(ops).softmaxCrossEntropy(rounded, ops.upload(labels, 6), value);
    ops.backward();
    assertArrayEquals(Bf16.round(ops.download(exact)), ops.download(dx));
  }

  /** Each of five operations rounds once on the way there and once on the way back. */
  @Test
  void gradientsInBf16AreThoseOfFp32() {
    Bf16.assume(backend);
    float[][] gradients = new float[2][];
    float[][] ofWeights = new float[2][];
    for (Precision precision : Precision.values()) {
      Tensor x = random(1, 2, 4, 5, 3);
      Tensor weight = random(2, 3, 3, 3, 3);
      Tensor dx = zerosLike(x);
      Tensor dWeight = zerosLike(weight);
      Tape fresh = new Tape();
      fresh.watch(x, dx, null);
      fresh.watch(weight, dWeight, null);
      Ops on = new Ops(backend, scope, fresh, precision);
      Conv2dSpec spec = Conv2dSpec.of(3, 1, 1).with(Activation.RELU);
      Tensor narrow = on.cast(x, precision.activations());
      Tensor once = new DenseOps(on).conv2d(spec, narrow, weight, null, null, null);
      Tensor twice = new DenseOps(on).conv2d(spec, once, weight, null, null, narrow);
      Tensor logits = new DenseOps(on).conv2d(spec, twice, weight, null, null, null, DType.F32);
      assertEquals(DType.F32, logits.dtype());
      Tensor value = on.allocate(DType.F32, 1);
      int[] labels = new int[40];
      for (int i = 0; i < labels.length; i++) {
        labels[i] = i % 3;
      }
      new Losses(on).softmaxCrossEntropy(on.reshape(logits, 40, 3), on.upload(labels, 40), value);
      on.backward();
      gradients[precision.ordinal()] = on.download(dx);
      ofWeights[precision.ordinal()] = on.download(dWeight);
    }
    assertTrue(relativeNorm(gradients[0], gradients[1]) < 0.02);
    assertTrue(relativeNorm(ofWeights[0], ofWeights[1]) < 0.02);
  }
}
