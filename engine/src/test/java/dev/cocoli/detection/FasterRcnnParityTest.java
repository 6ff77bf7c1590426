package dev.cocoli.detection;

import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cpu.onednn.WinogradConvolution.Use;
import dev.cocoli.detection.head.Proposals;
import dev.cocoli.detection.head.RegionProposalNetwork;
import dev.cocoli.nn.Parameter;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Bf16;
import dev.cocoli.testing.Fixtures;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.train.optim.Sgd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The detector against torchvision's with the same weights, images and objects: the outputs of the
 * reference script {@code frcnn.py} under {@code oracle/}, and those in the folder that {@code
 * -Dcocoli.oracle} names.
 */
@ParameterizedClass
@MethodSource("backends")
class FasterRcnnParityTest {
  private static final Path COMMITTED = Fixtures.folder("oracle");
  private static final float LEARNING_RATE = 0.01f;
  private static final float WEIGHT_DECAY = 1e-4f;
  private static final Sgd SGD = new Sgd(0.9, WEIGHT_DECAY);

  @org.junit.jupiter.params.Parameter Backend backend;

  static Stream<Arguments> backends() {
    Backend backend = TestBackends.open();
    return Stream.concat(
        Stream.of(Arguments.argumentSet(backend.device().toString(), backend)),
        TestBackends.winograd());
  }

  /** In the reference's small models all convolutions are direct unless the property is set. */
  private void assertConvolutionsWereWinograds() {
    if (backend instanceof CpuBackend cpu
        && cpu.convolutions().winograd().use() == Use.WHEREVER_POSSIBLE) {
      assertTrue(cpu.convolutions().winograd().count() > 0, "all convolutions were direct");
    }
  }

  static List<Path> folders() throws IOException {
    List<Path> folders = new ArrayList<>();
    String more = System.getProperty("cocoli.oracle");
    for (Path root : more == null ? List.of(COMMITTED) : List.of(COMMITTED, Path.of(more))) {
      int before = folders.size();
      try (Stream<Path> found = Files.list(root)) {
        found.filter(f -> Files.exists(f.resolve("expected.safetensors"))).forEach(folders::add);
      }
      assertTrue(folders.size() > before, "no output of frcnn.py below " + root.toAbsolutePath());
    }
    folders.sort(null);
    return folders;
  }

  @ParameterizedTest
  @Tag("contract")
  @MethodSource("folders")
  void featuresAnchorsProposalsAndDetectionsAgree(Path folder) throws IOException {
    try (OracleCase with = new OracleCase(backend, SGD, folder);
        TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE);
      Reference reference = with.reference;
      ImageBatch batch = with.model.transform().forward(ops, with.images(ops));
      if (reference.has("eval.batch")) {
        float[] expected = reference.channelsLast("eval.batch");
        assertClose("batch", expected, ops.download(batch.images()), 2e-6);
      }
      List<Tensor> maps = with.model.backbone().forward(ops, batch.images());
      List<String> features = reference.names("eval.feature.");
      assertEquals(features.size(), maps.size());
      for (int i = 0; i < maps.size(); i++) {
        float[] expected = reference.channelsLast(features.get(i));
        assertNormClose(features.get(i), expected, ops.download(maps.get(i)), 1e-5);
      }
      List<long[]> mapSizes = maps.stream().map(m -> new long[] {m.dim(1), m.dim(2)}).toList();
      float[] anchors =
          with.model
              .rpn()
              .anchorGenerator()
              .generate(batch.images().dim(1), batch.images().dim(2), mapSizes);
      assertClose("anchors", reference.floats("eval.anchors.0"), anchors, 0);
      RegionProposalNetwork rpn = with.model.rpn();
      Proposals proposals = rpn.propose(ops, batch, rpn.score(ops, maps));
      float[] corners = ops.download(proposals.boxes());
      int[] counts = counts(proposals.counts());
      int perImage = corners.length / 4 / with.targets.size();
      for (int i = 0; i < with.targets.size(); i++) {
        List<Box> mine = new ArrayList<>();
        for (int at = 4 * i * perImage; mine.size() < counts[i]; at += 4) {
          mine.add(new Box(corners[at], corners[at + 1], corners[at + 2], corners[at + 3]));
        }
        AgreeingBoxes.assertProposals(
            "proposals of image " + i, reference.boxes("eval.proposals." + i), mine);
      }
      List<List<Detection>> found =
          with.model.detect(ops, Inputs.of(with.images(ops)), PartListener.NONE);
      for (int i = 0; i < found.size(); i++) {
        AgreeingBoxes.assertDetections(
            reference,
            "eval.detections." + i,
            found.get(i),
            with.spec.config().boxHead().detectionsPerImg());
      }
      assertConvolutionsWereWinograds();
    }
  }

  private int[] counts(Tensor counts) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(counts.byteSize(), 4);
      backend.transfers().download(counts, host);
      return host.toArray(ValueLayout.JAVA_INT);
    }
  }

  @ParameterizedTest
  @Tag("slow")
  @MethodSource("folders")
  void lossesGradientsAndWeightsOfThreeStepsAgree(Path folder) throws IOException {
    try (OracleCase with = new OracleCase(backend, SGD, folder)) {
      for (int step = 0; step < 3; step++) {
        Map<String, float[]> before = step == 0 ? state(with) : Map.of();
        assertLosses(with.reference, step, with.train(Precision.FP32, step, LEARNING_RATE));
        if (step == 0) {
          assertGradients(with);
          assertUpdated(with, before);
        }
      }
      assertConvolutionsWereWinograds();
    }
  }

  static List<Path> foldersWithAutocast() throws IOException {
    return folders().stream()
        .filter(folder -> Files.exists(folder.resolve("autocast.safetensors")))
        .toList();
  }

  /**
   * Mixed precision may be as far from fp32 as torch's autocast is; half as much again for luck.
   */
  @ParameterizedTest
  @Tag("slow")
  @MethodSource("foldersWithAutocast")
  void bf16IsAsNearToFp32AsTorchsAutocast(Path folder) throws IOException {
    Bf16.assume(backend);
    try (OracleCase with = new OracleCase(backend, SGD, folder);
        Reference autocast = new Reference(folder, "autocast")) {
      Reference exact = with.reference;
      try (TensorScope scope = new TensorScope(backend.pool())) {
        Ops ops = new Ops(backend, scope, Tape.NONE, Precision.BF16);
        ImageBatch batch = with.model.transform().forward(ops, with.images(ops));
        List<Tensor> maps =
            with.model.backbone().forward(ops, ops.cast(batch.images(), DType.BF16));
        for (int i = 0; i < maps.size(); i++) {
          String name = "eval.feature." + (i == 4 ? "pool" : i);
          assertAsNear(
              name,
              exact.channelsLast(name),
              autocast.channelsLast(name),
              ops.download(ops.cast(maps.get(i), DType.F32)));
        }
      }
      assertAsNear(
          "losses",
          losses(exact),
          losses(autocast),
          values(with.train(Precision.BF16, 0, LEARNING_RATE)));
      assertAsNear(
          "gradients", gradients(exact, with), gradients(autocast, with), gradients(null, with));
    }
  }

  private static float[] values(LossValues losses) {
    float[] values = new float[losses.names().size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = losses.value(losses.names().get(i));
    }
    return values;
  }

  private static float[] losses(Reference reference) {
    String[] names = {"classifier", "box_reg", "objectness", "rpn_box_reg"};
    float[] losses = new float[names.length];
    for (int i = 0; i < names.length; i++) {
      losses[i] = reference.floats("step0.loss_" + names[i])[0];
    }
    return losses;
  }

  /** Every eighth element of each gradient: a reference's, or the model's own. */
  private float[] gradients(Reference reference, OracleCase with) {
    List<Float> all = new ArrayList<>();
    for (String name : with.reference.names("step0.grad.")) {
      Parameter parameter =
          with.model.namedParameters().get(name.substring("step0.grad.".length()));
      int kept = with.reference.floats(name).length;
      float[] values =
          reference == null
              ? inTorchLayout(parameter, parameter.gradient())
              : reference.floats(name);
      for (float value : eachOf(values, kept)) {
        all.add(value);
      }
    }
    float[] joined = new float[all.size()];
    for (int i = 0; i < joined.length; i++) {
      joined[i] = all.get(i);
    }
    return joined;
  }

  private static void assertAsNear(String what, float[] exact, float[] torch, float[] mine) {
    double theirs = relativeNorm(exact, torch);
    double ours = relativeNorm(exact, mine);
    String numbers = what + ": torch's autocast is off by " + theirs + ", ours by " + ours;
    assertTrue(ours > 0, numbers + ": was that bf16?");
    assertTrue(ours <= 1.5 * theirs, numbers);
  }

  private static void assertLosses(Reference reference, int step, LossValues mine) {
    double tolerance = step == 0 ? 1e-5 : 1e-3;
    String prefix = "step" + step + ".loss_";
    assertLoss(reference, prefix + "classifier", mine.value("loss_classifier"), tolerance);
    assertLoss(reference, prefix + "box_reg", mine.value("loss_box_reg"), tolerance);
    assertLoss(reference, prefix + "objectness", mine.value("loss_objectness"), tolerance);
    assertLoss(reference, prefix + "rpn_box_reg", mine.value("loss_rpn_box_reg"), tolerance);
  }

  private static void assertLoss(Reference reference, String name, float mine, double tolerance) {
    float expected = reference.floats(name)[0];
    // softmax rounds a loss below this to 0
    assertEquals(expected, mine, tolerance * Math.abs(expected) + 1e-10, name);
  }

  private void assertGradients(OracleCase with) {
    Map<String, Parameter> parameters = with.model.namedParameters();
    List<String> names = with.reference.names("step0.grad.");
    long trainable = parameters.values().stream().filter(Parameter::isTrainable).count();
    assertEquals(trainable, names.size(), "parameters with a gradient");
    for (String name : names) {
      Parameter parameter = parameters.get(name.substring("step0.grad.".length()));
      float[] mine = inTorchLayout(parameter, parameter.gradient());
      float[] expected = with.reference.floats(name);
      assertNormClose(name, expected, eachOf(mine, expected.length), 1e-4);
    }
  }

  private void assertUpdated(OracleCase with, Map<String, float[]> before) {
    for (Map.Entry<String, float[]> now : state(with).entrySet()) {
      String after = "step0.after." + now.getKey();
      String gradient = "step0.grad." + now.getKey();
      if (with.reference.has(after)) {
        assertNormClose(after, with.reference.floats(after), now.getValue(), 1e-5);
      } else if (with.reference.has(gradient)) {
        float[] expected = before.get(now.getKey()).clone();
        float[] slope = with.reference.floats(gradient);
        expected = eachOf(expected, slope.length);
        for (int i = 0; i < expected.length; i++) {
          expected[i] -= LEARNING_RATE * (slope[i] + WEIGHT_DECAY * expected[i]);
        }
        assertNormClose(after, expected, eachOf(now.getValue(), slope.length), 1e-5);
      }
    }
  }

  /** Committed gradients hold every n-th element. */
  private static float[] eachOf(float[] all, int count) {
    if (all.length == count) {
      return all;
    }
    int each = 8;
    assertEquals((all.length + each - 1) / each, count);
    float[] some = new float[count];
    for (int i = 0; i < count; i++) {
      some[i] = all[i * each];
    }
    return some;
  }

  private Map<String, float[]> state(OracleCase with) {
    Map<String, float[]> values = new TreeMap<>();
    with.model
        .namedParameters()
        .forEach((name, p) -> values.put(name, inTorchLayout(p, p.value())));
    return values;
  }

  private float[] inTorchLayout(Parameter parameter, Tensor values) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(values.byteSize(), 4);
      backend.transfers().download(values, host);
      float[] here = host.toArray(ValueLayout.JAVA_FLOAT);
      long[] extents = parameter.layout().transpose(parameter.shape());
      int channels = (int) extents[1];
      int pixels = (int) extents[2];
      float[] there = new float[here.length];
      for (int o = 0; o < extents[0]; o++) {
        for (int c = 0; c < channels; c++) {
          for (int p = 0; p < pixels; p++) {
            there[(o * channels + c) * pixels + p] = here[(o * pixels + p) * channels + c];
          }
        }
      }
      return there;
    }
  }

  private static void assertClose(String what, float[] expected, float[] mine, double tolerance) {
    assertEquals(expected.length, mine.length, what);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], mine[i], tolerance, what + "[" + i + "]");
    }
  }

  private static void assertNormClose(
      String what, float[] expected, float[] mine, double tolerance) {
    assertEquals(expected.length, mine.length, what);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) mine[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    double relative = Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-30);
    assertTrue(
        relative <= tolerance, what + " is off by " + relative + " of its norm " + Math.sqrt(norm));
  }
}
