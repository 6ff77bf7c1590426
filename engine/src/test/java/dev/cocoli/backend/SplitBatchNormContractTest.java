package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.primitives.SplitBatchNorm;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestTensors;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Replicas with unequal parts of a batch find what torch finds for the batch. */
@ParameterizedClass
@MethodSource("dev.cocoli.testing.TestBackends#all")
@Tag("contract")
class SplitBatchNormContractTest {
  private static final int CHANNELS = 6;
  private static final int IMAGE = 5 * 7 * CHANNELS;

  @Parameter Backend backend;
  private TestTensors tensors;
  private SplitBatchNorm split;

  @BeforeEach
  void open() {
    split = backend.splitBatchNorm();
    tensors = new TestTensors(backend);
  }

  @AfterEach
  void close() {
    if (tensors != null) {
      tensors.close();
    }
  }

  /** What a replica has: images {@code from} to {@code to} of the four. */
  private final class Part {
    final int from;
    final int to;
    final Tensor x;
    final Tensor y;
    final Tensor mean = tensors.floatOutput(CHANNELS);
    final Tensor invStd = tensors.floatOutput(CHANNELS);
    final Tensor runningMean = tensors.floats(new float[CHANNELS]);
    final Tensor runningVar = tensors.floats(new float[CHANNELS]);
    final Tensor dWeight = tensors.floats(new float[CHANNELS]);
    final Tensor dBias = tensors.floats(new float[CHANNELS]);
    final Tensor sums = tensors.floatOutput(2, CHANNELS);

    Part(int from, int to, float[] all) {
      this.from = from;
      this.to = to;
      x = images(all);
      y = tensors.floatOutput(to - from, 5, 7, CHANNELS);
    }

    Tensor images(float[] all) {
      return tensors.floats(of(all), to - from, 5, 7, CHANNELS);
    }

    float[] of(float[] all) {
      return Arrays.copyOfRange(all, from * IMAGE, to * IMAGE);
    }
  }

  @Test
  void computesWhatTorchDoesForTheWhole() {
    OracleFile oracle = OracleFile.ops();
    String name = "batch_norm.train";
    BatchNormSpec spec = new BatchNormSpec(1e-5f, 0.1f, Activation.NONE);
    float[] x = oracle.channelsLast(name + ".in.x");
    Tensor weight = tensors.floats(oracle.floats(name + ".in.weight"));
    Tensor bias = tensors.floats(oracle.floats(name + ".in.bias"));
    List<Part> parts = List.of(new Part(0, 1, x), new Part(1, 4, x));
    Tensor statistics = tensors.floats(new float[2 * (2 * CHANNELS + 1)], 2, 2 * CHANNELS + 1);
    for (int i = 0; i < 2; i++) {
      split.statistics(parts.get(i).x, statistics.rows(i, 1));
    }
    float[] totals = new float[2 * CHANNELS];
    float[] dWeight = new float[CHANNELS];
    float[] dBias = new float[CHANNELS];
    for (Part part : parts) {
      split.normalize(
          spec,
          statistics,
          part.x,
          weight,
          bias,
          null,
          part.runningMean,
          part.runningVar,
          part.mean,
          part.invStd,
          part.y);
      near(part.of(oracle.channelsLast(name + ".out.y")), part.y, "y");
    }
    Tensor[] dys = new Tensor[2];
    for (int i = 0; i < 2; i++) {
      Part part = parts.get(i);
      dys[i] = part.images(oracle.channelsLast(name + ".seed"));
      split.gradientSums(
          spec,
          part.x,
          part.mean,
          part.invStd,
          part.y,
          dys[i],
          part.sums,
          part.dWeight,
          part.dBias);
      add(totals, tensors.floats(part.sums));
      add(dWeight, tensors.floats(part.dWeight));
      add(dBias, tensors.floats(part.dBias));
    }
    near(oracle.floats(name + ".grad.weight"), tensors.floats(dWeight), "dWeight");
    near(oracle.floats(name + ".grad.bias"), tensors.floats(dBias), "dBias");
    for (int i = 0; i < 2; i++) {
      Part part = parts.get(i);
      Tensor dx = tensors.floatOutput(part.to - part.from, 5, 7, CHANNELS);
      Tensor sums = tensors.floats(totals, 2, CHANNELS);
      split.gradient(statistics, part.x, weight, part.mean, part.invStd, dys[i], sums, dx);
      near(part.of(oracle.channelsLast(name + ".grad.x")), dx, "dx");
    }

    Tensor runningMean = tensors.floats(new float[CHANNELS]);
    Tensor runningVar = tensors.floats(new float[CHANNELS]);
    backend
        .norms()
        .batchNorm(
            spec,
            tensors.floats(x, 4, 5, 7, CHANNELS),
            weight,
            bias,
            null,
            runningMean,
            runningVar,
            null,
            tensors.floatOutput(CHANNELS),
            tensors.floatOutput(CHANNELS),
            tensors.floatOutput(4, 5, 7, CHANNELS));
    for (Part part : parts) {
      near(tensors.floats(runningMean), part.runningMean, "running mean");
      near(tensors.floats(runningVar), part.runningVar, "running variance");
    }
  }

  private static void add(float[] sum, float[] values) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += values[i];
    }
  }

  private void near(float[] expected, Tensor actual, String what) {
    double norm = relativeNorm(expected, tensors.floats(actual));
    assertTrue(norm < 1e-5, what + " differs by " + norm + " of its norm");
  }
}
