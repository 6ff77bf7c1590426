package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.primitives.Copies;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TestTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Each primitive of each facet marks the tensors that it writes, and no others. */
@ParameterizedClass
@MethodSource("dev.cocoli.testing.TestBackends#all")
@Tag("contract")
class WrittenContractTest {
  /** Has a tensor for a parameter, and writes to the host alone. */
  private static final Set<String> READERS = Set.of("download", "upperBound");

  @Parameter Backend backend;
  private final Random random = new Random(11);
  private final Set<Tensor> outputs = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<String> called = new TreeSet<>();
  private TestTensors tensors;

  @BeforeEach
  void open() {
    tensors = new TestTensors(backend);
  }

  @AfterEach
  void close() {
    tensors.close();
  }

  @Test
  void whatIsWrittenIsMarked() {
    transfersAndCopies();
    layers();
    norms();
    maps();
    boxes();
    regions();
    lossesAndUpdates();
    Set<String> all = new TreeSet<>();
    for (Method accessor : facets()) {
      for (Method method : accessor.getReturnType().getMethods()) {
        if (Arrays.asList(method.getParameterTypes()).contains(Tensor.class)) {
          all.add(method.getName());
        }
      }
    }
    all.removeAll(READERS);
    assertEquals(all, called, "this test calls each primitive that writes");
  }

  private static List<Method> facets() {
    String facets = Copies.class.getPackageName();
    return Arrays.stream(Backend.class.getMethods())
        .filter(method -> method.getReturnType().getPackageName().equals(facets))
        .toList();
  }

  /** Calls the primitive of this name, and compares what changed with what is marked. */
  private void call(String name, Object... arguments) {
    called.add(name);
    List<Tensor> all = new ArrayList<>();
    for (Object argument : arguments) {
      if (argument instanceof Tensor tensor) {
        all.add(tensor);
      } else if (argument instanceof List<?> list) {
        list.forEach(tensor -> all.add((Tensor) tensor));
      }
    }
    List<byte[]> before = all.stream().map(this::bytes).toList();
    List<Long> versions = all.stream().map(tensor -> tensor.buffer().version()).toList();
    invoke(name, arguments);
    for (int i = 0; i < all.size(); i++) {
      String which = name + ", tensor " + i;
      long marked = all.get(i).buffer().version() - versions.get(i);
      boolean changed = !Arrays.equals(before.get(i), bytes(all.get(i)));
      if (outputs.contains(all.get(i))) {
        assertNotEquals(0, marked, which + " is not marked");
        assertTrue(changed, which + " is not written");
      } else {
        assertEquals(0, marked, which + " is marked, but only read");
        assertFalse(changed, which + " is written");
      }
    }
  }

  private void invoke(String name, Object... arguments) {
    for (Method accessor : facets()) {
      for (Method method : accessor.getReturnType().getMethods()) {
        if (method.getName().equals(name)
            && method.getParameterCount() == arguments.length
            && !(arguments[0] instanceof float[]
                ^ method.getParameterTypes()[0] == float[].class)) {
          try {
            method.invoke(accessor.invoke(backend), arguments);
          } catch (ReflectiveOperationException e) {
            throw new AssertionError(name, e);
          }
          return;
        }
      }
    }
    throw new AssertionError("there is no primitive " + name);
  }

  private byte[] bytes(Tensor tensor) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(tensor.byteSize(), 64);
      backend.transfers().download(tensor, host);
      return host.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** Numbers, of which about half are negative. */
  private Tensor floats(long... dims) {
    float[] values = new float[Math.toIntExact(Shape.of(dims).elementCount())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return tensors.floats(values, dims);
  }

  /** Numbers that are written. */
  private Tensor written(long... dims) {
    return output(floats(dims));
  }

  private Tensor writtenInts(long... dims) {
    return output(tensors.intOutput(dims));
  }

  private Tensor output(Tensor tensor) {
    outputs.add(tensor);
    return tensor;
  }

  private void transfersAndCopies() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4, 5, 6);
      call("upload", host, written(6));
      call("uploadTransposed", host, 1, 2, 3, written(6));
    }
    call("upload", new float[] {1, 2}, written(2));
    call("copy", floats(5), written(5));
    call("copyColumns", floats(2, 3), 1, written(2, 4), 2, 2);
    call("fill", written(5), 0f);
    call("fill", written(5), 3f);
    call("fill", output(tensors.bfloats(new float[] {1, 2}, 2)), 0f);
    call("cast", floats(5), output(tensors.bfloats(new float[5], 5)));
    call("cast", tensors.bfloats(new float[] {1, 2}, 2), written(2));
  }

  private void layers() {
    for (int kernel : new int[] {1, 3}) {
      Conv2dSpec spec = Conv2dSpec.of(kernel, 1, kernel / 2);
      Tensor x = floats(1, 4, 5, 2);
      Tensor weight = floats(3, kernel, kernel, 2);
      Tensor like = floats(1, 4, 5, 3);
      call("conv2d", spec, x, weight, floats(3), floats(3), like, written(1, 4, 5, 3));
      Convolutions convolutions = backend.convolutions();
      boolean summed =
          convolutions.conv2dMoments(spec, x, weight, floats(3), floats(2, 3), floats(1, 4, 5, 3));
      Tensor sums = summed ? written(2, 3) : floats(2, 3);
      call("conv2dMoments", spec, x, weight, floats(3), sums, written(1, 4, 5, 3));
      Tensor dx = written(1, 4, 5, 2);
      call("conv2dBackwardData", spec, like, weight, null, floats(1, 4, 5, 2), null, null, dx);
      for (Tensor scale : new Tensor[] {null, floats(3)}) {
        call(
            "conv2dBackwardData", spec, like, weight, scale, null, null, null, written(1, 4, 5, 2));
        Tensor activated = floats(1, 4, 5, 2);
        call(
            "conv2dBackwardData",
            spec,
            like,
            weight,
            scale,
            null,
            activated,
            null,
            written(1, 4, 5, 2));
        Tensor dWeight = written(3, kernel, kernel, 2);
        call("conv2dBackwardWeight", spec, x, like, scale, dWeight, written(3));
      }
    }
    call("linear", Activation.RELU, floats(4, 3), floats(5, 3), floats(5), written(4, 5));
    call("linearBackwardData", floats(4, 5), floats(5, 3), written(4, 3));
    call("linearBackwardWeight", floats(4, 3), floats(4, 5), written(5, 3), written(5));
  }

  private void norms() {
    BatchNormSpec spec = new BatchNormSpec(1e-5f, 0.1f, Activation.RELU);
    Tensor x = floats(1, 3, 4, 2);
    Tensor weight = floats(2);
    Tensor bias = floats(2);
    Tensor mean = written(2);
    Tensor invStd = written(2);
    Tensor y = written(1, 3, 4, 2);
    call("batchNorm", spec, x, weight, bias, x, written(2), written(2), null, mean, invStd, y);
    outputs.removeAll(List.of(mean, invStd, y));
    Tensor dx = written(1, 3, 4, 2);
    Tensor dy = written(1, 3, 4, 2);
    call(
        "batchNormBackward",
        spec,
        x,
        weight,
        bias,
        x,
        mean,
        invStd,
        y,
        dy,
        null,
        dx,
        written(2),
        written(2));
    Tensor var = tensors.floats(new float[] {1, 2});
    call("foldBatchNorm", weight, floats(2), mean, var, 1e-5f, written(2), written(2));
    Tensor statistics = written(1, 5);
    call("statistics", x, statistics);
    outputs.remove(statistics);
    call(
        "normalize",
        spec,
        statistics,
        x,
        floats(2),
        floats(2),
        null,
        written(2),
        written(2),
        written(2),
        written(2),
        written(1, 3, 4, 2));
    Tensor sums = written(2, 2);
    Tensor slope = written(1, 3, 4, 2);
    call("gradientSums", spec, x, mean, invStd, y, slope, sums, written(2), written(2));
    outputs.removeAll(List.of(sums, slope));
    call("gradient", statistics, x, weight, mean, invStd, slope, sums, written(1, 3, 4, 2));
  }

  private void maps() {
    call("add", floats(5), floats(5), written(5));
    call("reluBackward", floats(9), written(9));
    Pool2dSpec pool = new Pool2dSpec(2, 2, 0);
    Tensor argmax = output(tensors.bytes(new byte[] {9, 9, 9, 9, 9, 9, 9, 9}, 1, 2, 2, 2));
    call("maxPool2d", pool, floats(1, 4, 4, 2), written(1, 2, 2, 2), argmax);
    outputs.remove(argmax);
    call("maxPool2dBackward", pool, floats(1, 2, 2, 2), argmax, written(1, 4, 4, 2));
    call("upsampleNearest", floats(1, 2, 2, 3), floats(1, 4, 4, 3), written(1, 4, 4, 3));
    call("upsampleNearestBackward", floats(1, 4, 4, 3), null, written(1, 2, 2, 3));
    NormalizeSpec normalize = new NormalizeSpec(new float[3], new float[] {1, 1, 1});
    Tensor image = tensors.bytes(new byte[3 * 4 * 3], 3, 4, 3);
    call("resizeNormalize", normalize, image, 4, 5, written(6, 6, 3));
  }

  private void boxes() {
    BoxCoderSpec coder = BoxCoderSpec.UNIT;
    Tensor three = tensors.floats(new float[] {0, 0, 4, 4, 1, 1, 5, 5, 8, 8, 9, 9}, 1, 3, 4);
    Tensor sizes = tensors.floats(new float[] {10, 10}, 1, 2);
    Tensor anchors = three.reshape(3, 4);
    call("topK", floats(1, 6), new long[] {0, 6}, new long[] {2}, writtenInts(1, 2));
    call(
        "decodeProposals",
        coder,
        floats(1, 3, 4),
        floats(1, 3),
        anchors,
        tensors.ints(new int[] {0, 2}, 1, 2),
        sizes,
        0f,
        0f,
        written(1, 2, 4),
        written(1, 2));
    call(
        "decodeDetections",
        coder,
        floats(1, 2, 3),
        floats(1, 2, 12),
        tensors.floats(new float[] {0, 0, 0, 4, 4, 0, 1, 1, 5, 5}, 1, 2, 5),
        sizes,
        0f,
        0f,
        written(1, 4, 4),
        written(1, 4));
    Tensor scores = tensors.floats(new float[] {0.9f, 0.5f, 0.7f}, 1, 3);
    Tensor groups = tensors.ints(new int[3]);
    call("nms", 0.5f, three, scores, groups, writtenInts(1, 2), writtenInts(1));
    Tensor truth = tensors.floats(new float[] {0, 0, 4, 4, 8, 8, 9, 9}, 1, 2, 4);
    MatchSpec match = new MatchSpec(0.7f, 0.3f, MatchSpec.LowQuality.ALLOW);
    call("matchBoxes", match, three, truth, tensors.ints(new int[] {2}), writtenInts(1, 3));
    Tensor matches = tensors.ints(new int[] {0, -1, 1}, 1, 3);
    SampleSpec sample = new SampleSpec(2, 0.5f);
    long[] seeds = {7};
    call("sampleBalanced", sample, matches, seeds, writtenInts(1, 2), writtenInts(1));
    call(
        "sampleTargets",
        coder,
        three,
        tensors.ints(new int[] {0, 1}, 1, 2),
        matches,
        truth,
        tensors.ints(new int[] {1, 2}, 1, 2),
        written(2, 5),
        writtenInts(2),
        written(2, 4));
  }

  private void regions() {
    Tensor indices = tensors.ints(new int[] {2, 0}, 1, 2);
    call("gatherRows", floats(1, 4, 3), indices, written(1, 2, 3));
    call("scatterRows", floats(1, 2, 3), indices, written(1, 4, 3));
    Tensor map = floats(1, 6, 6, 2);
    Tensor rois = tensors.floats(new float[] {0, 0, 0, 5, 5}, 1, 5);
    RoiAlignSpec align = RoiAlignSpec.single(2, 2, false, 1);
    call("roiAlign", align, List.of(map), rois, written(1, 2, 2, 2));
    call("roiAlignBackward", align, floats(1, 2, 2, 2), rois, List.of(written(1, 6, 6, 2)));
    RoiPoolSpec pool = new RoiPoolSpec(2, 1);
    Tensor argmax = writtenInts(1, 2, 2, 2);
    call("roiPool", pool, map, rois, written(1, 2, 2, 2), argmax);
    outputs.remove(argmax);
    call("roiPoolBackward", pool, floats(1, 2, 2, 2), rois, argmax, written(1, 6, 6, 2));
    PatchSpec spec = new PatchSpec(3, 1);
    Tensor anchors = tensors.ints(new int[] {7}, 1, 1);
    call("gatherPatches", spec, List.of(map), anchors, written(1, 3, 3, 2), writtenInts(1, 1));
    Tensor dPatches = floats(1, 3, 3, 2);
    call("gatherPatchesBackward", spec, dPatches, anchors, List.of(written(1, 6, 6, 2)));
  }

  private void lossesAndUpdates() {
    Tensor labels = tensors.ints(new int[] {1, 0, 2});
    call("softmaxCrossEntropy", floats(3, 4), labels, written(1), written(3, 4));
    call("sigmoidCrossEntropy", floats(3), labels, written(1), written(3));
    call("smoothL1", 1f, floats(3, 4), floats(3, 4), labels, written(1), written(3, 4));
    Tensor norm = written(1);
    call("squaredNorm", tensors.floats(new float[] {30, 40}), norm);
    outputs.remove(norm);
    call("clipByNorm", written(5), norm, 1f);
    call("scale", written(5), 0.5f);
    call("sgdUpdate", new SgdSpec(0.1f, 0.9f, 0.1f), written(5), floats(5), written(5));
  }
}
