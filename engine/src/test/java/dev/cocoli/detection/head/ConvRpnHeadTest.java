package dev.cocoli.detection.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.nn.Conv2d;
import dev.cocoli.nn.Initializer;
import dev.cocoli.nn.JoinedConv2d;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The head says the same whether its predictors read the maps one after the other or at once. */
class ConvRpnHeadTest {
  private static final long CHANNELS = 6;
  private static final long ANCHORS = 3;

  private final ConvRpnHead head = new ConvRpnHead(CHANNELS, ANCHORS);
  private final Random random = new Random(4);
  private Backend backend;
  private ParameterArena parameters;

  @BeforeEach
  void open() {
    backend = new CpuBackend(1);
    parameters = ParameterArena.forTraining(backend, head);
    parameters.initialize(3);
  }

  @AfterEach
  void close() {
    parameters.close();
    backend.close();
  }

  private float[] numbers(long count) {
    float[] numbers = new float[Math.toIntExact(count)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return numbers;
  }

  private void assertTheSame() {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops recording = new Ops(backend, scope, new Tape());
      parameters.watch(recording.tape());
      List<Tensor> maps =
          List.of(
              recording.upload(numbers(2 * 5 * 4 * CHANNELS), 2, 5, 4, CHANNELS),
              recording.upload(numbers(2 * 2 * 3 * CHANNELS), 2, 2, 3, CHANNELS));
      RpnHead.Output apart = head.forward(recording, maps);
      RpnHead.Output joined = head.forward(recording.untracked(), maps);
      assertEquals(apart.objectness().shape(), joined.objectness().shape());
      assertEquals(apart.deltas().shape(), joined.deltas().shape());
      assertArrayEquals(
          recording.download(apart.objectness()), recording.download(joined.objectness()), 1e-5f);
      assertArrayEquals(
          recording.download(apart.deltas()), recording.download(joined.deltas()), 1e-5f);
    }
  }

  @Test
  void joinedPredictorsSayTheSame() {
    assertTheSame();
  }

  @Test
  void joinedPredictorsSeeWhatIsWritten() {
    assertTheSame();
    for (int step = 0; step < 2; step++) {
      float[] values = numbers(parameters.values().elementCount());
      backend.transfers().upload(values, parameters.values());
      assertTheSame();
    }
  }

  /** Another arena: other memory, perhaps of the same version. */
  @Test
  void joinedPredictorsSeeOtherMemory() {
    assertTheSame();
    try (ParameterArena other = ParameterArena.forTraining(backend, head)) {
      other.initialize(5);
      ParameterArena first = parameters;
      parameters = other;
      assertTheSame();
      parameters = first;
    }
  }

  /** As a detector's weights: what the backend packs is kept from the first use on. */
  @Test
  void joinedPredictorsOfSettledWeightsArePackedOnce() {
    parameters.settle();
    long[] held = new long[2];
    for (int pass = 0; pass < 2; pass++) {
      try (TensorScope scope = new TensorScope(backend.pool())) {
        Ops ops = new Ops(backend, scope, Tape.NONE);
        head.forward(ops, List.of(ops.upload(numbers(4 * CHANNELS), 1, 2, 2, CHANNELS)));
        held[pass] = ((CpuBackend) backend).liveBuffers();
      }
    }
    assertEquals(held[0], held[1]);
  }

  @Test
  void onlyLikeConvolutionsAreJoinedAndNotForTraining() {
    Conv2d point = Conv2d.withBias(6, 2, Conv2dSpec.of(1, 1, 0), Initializer.ZEROS);
    Conv2d window = Conv2d.withBias(6, 2, Conv2dSpec.of(3, 1, 1), Initializer.ZEROS);
    Conv2d other = Conv2d.withBias(5, 2, Conv2dSpec.of(1, 1, 0), Initializer.ZEROS);
    Conv2d plain = Conv2d.beforeNorm(6, 2, Conv2dSpec.of(1, 1, 0));
    for (Conv2d part : List.of(window, other, plain)) {
      assertThrows(IllegalArgumentException.class, () -> new JoinedConv2d(List.of(point, part)));
    }
    JoinedConv2d joined = new JoinedConv2d(List.of(point, point));
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops recording = new Ops(backend, scope, new Tape());
      Tensor map = recording.upload(numbers(6), 1, 1, 1, 6);
      assertThrows(IllegalArgumentException.class, () -> joined.predict(recording, map));
    }
  }
}
