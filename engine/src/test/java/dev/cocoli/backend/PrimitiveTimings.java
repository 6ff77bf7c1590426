package dev.cocoli.backend;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.MatchSpec.LowQuality;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.testing.TestTensors;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Times the primitives that are loops at the sizes of a ResNet-50-FPN at 800 x 1088. A program, not
 * a test: {@code java -cp ... dev.cocoli.backend.PrimitiveTimings [THREADS [PATTERN]]}. The
 * processor time is the calling thread's: with one thread it is the whole work, whatever else the
 * machine does.
 */
final class PrimitiveTimings {
  private static final int HEIGHT = 800;
  private static final int WIDTH = 1088;
  private static final int CHANNELS = 256;
  private static final ThreadMXBean THREAD = ManagementFactory.getThreadMXBean();
  private static final int WARM_UP = 15;
  private static final int ROUNDS = 15;

  private final Backend backend;
  private final TestTensors tensors;
  private final String pattern;
  private final Random random = new Random(0);

  private PrimitiveTimings(Backend backend, TestTensors tensors, String pattern) {
    this.backend = backend;
    this.pattern = pattern;
    this.tensors = tensors;
  }

  public static void main(String[] arguments) {
    int threads = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 2;
    System.out.println("median milliseconds of " + ROUNDS + " on " + threads + " threads");
    String pattern = arguments.length > 1 ? arguments[1] : ".*";
    run(threads, pattern, PrimitiveTimings::regions);
    run(threads, pattern, PrimitiveTimings::maxima);
    run(threads, pattern, PrimitiveTimings::proposals);
    run(threads, pattern, PrimitiveTimings::matches);
    run(threads, pattern, PrimitiveTimings::losses);
    run(threads, pattern, PrimitiveTimings::updates);
    run(threads, pattern, PrimitiveTimings::images);
  }

  private static void run(int threads, String pattern, Consumer<PrimitiveTimings> part) {
    try (Backend backend = TestBackends.cpu(threads);
        TestTensors tensors = new TestTensors(backend)) {
      part.accept(new PrimitiveTimings(backend, tensors, pattern));
    }
  }

  private void time(String what, Runnable body) {
    if (!what.matches(pattern)) {
      return;
    }
    double[] elapsed = new double[ROUNDS];
    double[] processor = new double[ROUNDS];
    for (int i = -WARM_UP; i < ROUNDS; i++) {
      long start = System.nanoTime();
      long processorStart = THREAD.getCurrentThreadCpuTime();
      body.run();
      if (i >= 0) {
        elapsed[i] = (System.nanoTime() - start) / 1e6;
        processor[i] = (THREAD.getCurrentThreadCpuTime() - processorStart) / 1e6;
      }
    }
    Arrays.sort(elapsed);
    Arrays.sort(processor);
    System.out.printf(
        "%-45s %8.2f (best %7.2f); processor %8.2f (best %7.2f)%n",
        what, elapsed[ROUNDS / 2], elapsed[0], processor[ROUNDS / 2], processor[0]);
  }

  private void regions() {
    float[] scales = {1 / 4f, 1 / 8f, 1 / 16f, 1 / 32f};
    RoiAlignSpec spec = new RoiAlignSpec(7, 2, false, scales, 224, 4);
    List<Tensor> maps = Arrays.asList(new Tensor[] {map(4), map(8), map(16), map(32)});
    for (int count : new int[] {1000, 512}) {
      Tensor rois = tensors.floats(rois(count), count, 5);
      Tensor y = tensors.floatOutput(count, 7, 7, CHANNELS);
      time("roiAlign " + count, () -> backend.regions().roiAlign(spec, maps, rois, y));
      List<Tensor> dMaps = Arrays.asList(new Tensor[] {map(4), map(8), map(16), map(32)});
      time(
          "roiAlignBackward " + count,
          () -> backend.regions().roiAlignBackward(spec, y, rois, dMaps));
    }
  }

  private void maxima() {
    RoiPoolSpec spec = new RoiPoolSpec(7, 1 / 16f);
    int count = 2000;
    Tensor map = gaussians(1, HEIGHT / 16, WIDTH / 16, CHANNELS);
    Tensor rois = tensors.floats(rois(count), count, 5);
    Tensor y = tensors.floatOutput(count, 7, 7, CHANNELS);
    Tensor argmax = tensors.intOutput(count, 7, 7, CHANNELS);
    Tensor dMap = tensors.floatOutput(1, HEIGHT / 16, WIDTH / 16, CHANNELS);
    time("roiPool 2000", () -> backend.regions().roiPool(spec, map, rois, y, null));
    time("roiPool 2000 with places", () -> backend.regions().roiPool(spec, map, rois, y, argmax));
    time(
        "roiPoolBackward 2000",
        () -> backend.regions().roiPoolBackward(spec, y, rois, argmax, dMap));
  }

  private Tensor map(int stride) {
    int height = -(-HEIGHT / stride);
    int width = -(-WIDTH / stride);
    float[] values = new float[height * width * CHANNELS];
    Arrays.fill(values, 1);
    return tensors.floats(values, 1, height, width, CHANNELS);
  }

  /** Regions of all sizes, as many of each octave. */
  private float[] rois(int count) {
    float[] rois = new float[5 * count];
    for (int r = 0; r < count; r++) {
      double side = 16 * Math.pow(32, random.nextDouble());
      double ratio = Math.sqrt(0.5 + 1.5 * random.nextDouble());
      float width = (float) Math.min(WIDTH, side * ratio);
      float height = (float) Math.min(HEIGHT, side / ratio);
      rois[5 * r + 1] = random.nextFloat() * (WIDTH - width);
      rois[5 * r + 2] = random.nextFloat() * (HEIGHT - height);
      rois[5 * r + 3] = rois[5 * r + 1] + width;
      rois[5 * r + 4] = rois[5 * r + 2] + height;
    }
    return rois;
  }

  /** As the anchor generator lays them: five levels, three shapes a place. */
  private float[] anchors() {
    float[] anchors = new float[4 * anchorOffsets()[5]];
    int at = 0;
    for (int level = 0; level < 5; level++) {
      int stride = 4 << level;
      for (int y = 0; y < -(-HEIGHT / stride); y++) {
        for (int x = 0; x < -(-WIDTH / stride); x++) {
          for (double ratio : new double[] {0.5, 1, 2}) {
            float height = Math.round((32 << level) * Math.sqrt(ratio) / 2);
            float width = Math.round((32 << level) / Math.sqrt(ratio) / 2);
            anchors[at++] = x * stride - width;
            anchors[at++] = y * stride - height;
            anchors[at++] = x * stride + width;
            anchors[at++] = y * stride + height;
          }
        }
      }
    }
    return anchors;
  }

  private static int[] anchorOffsets() {
    int[] offsets = new int[6];
    for (int level = 0; level < 5; level++) {
      int stride = 4 << level;
      offsets[level + 1] = offsets[level] + 3 * -(-HEIGHT / stride) * -(-WIDTH / stride);
    }
    return offsets;
  }

  private void proposals() {
    int[] offsets = anchorOffsets();
    long[] levels = Arrays.stream(offsets).asLongStream().toArray();
    long[] k = new long[5];
    int total = 0;
    for (int level = 0; level < 5; level++) {
      k[level] = Math.min(1000, offsets[level + 1] - offsets[level]);
      total += (int) k[level];
    }
    int count = offsets[5];
    Tensor logits = gaussians(1, count);
    Tensor indices = tensors.intOutput(1, total);
    time(
        "topK " + count + " -> " + total,
        () -> backend.proposals().topK(logits, levels, k, indices));
    Tensor deltas = gaussians(1, count, 4);
    Tensor anchors = tensors.floats(anchors(), count, 4);
    Tensor sizes = tensors.floats(new float[] {HEIGHT, WIDTH}, 1, 2);
    Tensor boxes = tensors.floatOutput(1, total, 4);
    Tensor scores = tensors.floatOutput(1, total);
    time(
        "decodeProposals " + total,
        () ->
            backend
                .proposals()
                .decodeProposals(
                    BoxCoderSpec.UNIT,
                    deltas,
                    logits,
                    anchors,
                    indices,
                    sizes,
                    1e-3f,
                    0,
                    boxes,
                    scores));
    int[] groups = new int[total];
    for (int i = 0, level = 0; i < total; i++) {
      level = i < 4000 ? i / 1000 : 4;
      groups[i] = level;
    }
    Tensor levelOf = tensors.ints(groups);
    Tensor kept = tensors.intOutput(1, 1000);
    Tensor counts = tensors.intOutput(1);
    time(
        "nms " + total + " -> 1000",
        () -> backend.proposals().nms(0.7f, boxes, scores, levelOf, kept, counts));
    System.out.println("    kept " + tensors.ints(counts)[0]);
    float[] crowd = boxes(5000, 40);
    float[] crowdScores = new float[5000];
    for (int i = 0; i < 5000; i++) {
      crowdScores[i] = random.nextFloat();
    }
    Tensor crowdBoxes = tensors.floats(crowd, 1, 5000, 4);
    Tensor crowdOrder = tensors.floats(crowdScores, 1, 5000);
    Tensor five = tensors.ints(random.ints(5000, 0, 5).toArray());
    time(
        "nms 5000 -> 1000, five groups, crowded",
        () -> backend.proposals().nms(0.7f, crowdBoxes, crowdOrder, five, kept, counts));
    System.out.println("    kept " + tensors.ints(counts)[0]);
    int regions = 1000;
    int classes = 91;
    Tensor classLogits = gaussians(1, regions, classes);
    Tensor classDeltas = gaussians(1, regions, 4 * classes);
    Tensor rois = tensors.floats(rois(regions), 1, regions, 5);
    Tensor found = tensors.floatOutput(1, (long) regions * (classes - 1), 4);
    Tensor foundScores = tensors.floatOutput(1, (long) regions * (classes - 1));
    time(
        "decodeDetections 1000 x 91",
        () ->
            backend
                .proposals()
                .decodeDetections(
                    BoxCoderSpec.BOX_HEAD,
                    classLogits,
                    classDeltas,
                    rois,
                    sizes,
                    1e-2f,
                    0.05f,
                    found,
                    foundScores));
    int[] labels = new int[regions * (classes - 1)];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % (classes - 1) + 1;
    }
    Tensor classOf = tensors.ints(labels);
    Tensor best = tensors.intOutput(1, 100);
    time(
        "nms 90000 -> 100",
        () -> backend.proposals().nms(0.5f, found, foundScores, classOf, best, counts));
  }

  private float[] boxes(int count, float largest) {
    float[] boxes = new float[4 * count];
    for (int i = 0; i < count; i++) {
      boxes[4 * i] = random.nextFloat() * 300;
      boxes[4 * i + 1] = random.nextFloat() * 300;
      boxes[4 * i + 2] = boxes[4 * i] + 20 + random.nextFloat() * largest;
      boxes[4 * i + 3] = boxes[4 * i + 1] + 20 + random.nextFloat() * largest;
    }
    return boxes;
  }

  private Tensor gaussians(long... dims) {
    int count = 1;
    for (long dim : dims) {
      count *= (int) dim;
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return tensors.floats(values, dims);
  }

  private void matches() {
    float[] anchors = anchors();
    int count = anchors.length / 4;
    Tensor boxes = tensors.floats(anchors, 1, count, 4);
    float[] rois = rois(20);
    float[] objects = new float[80];
    for (int i = 0; i < 80; i++) {
      objects[i] = rois[i / 4 * 5 + 1 + i % 4];
    }
    Tensor groundTruth = tensors.floats(objects, 1, 20, 4);
    Tensor objectCount = tensors.ints(new int[] {20});
    Tensor matches = tensors.intOutput(1, count);
    MatchSpec spec = new MatchSpec(0.7f, 0.3f, LowQuality.ALLOW);
    time(
        "matchBoxes " + count + " x 20",
        () -> backend.matching().matchBoxes(spec, boxes, groundTruth, objectCount, matches));
    Tensor indices = tensors.intOutput(1, 256);
    Tensor counts = tensors.intOutput(1);
    SampleSpec sample = new SampleSpec(256, 0.5f);
    time(
        "sampleBalanced " + count,
        () -> backend.matching().sampleBalanced(sample, matches, new long[] {1}, indices, counts));
    Tensor labels = tensors.intOutput(256);
    Tensor targets = tensors.floatOutput(256, 4);
    time(
        "sampleTargets 256",
        () ->
            backend
                .matching()
                .sampleTargets(
                    BoxCoderSpec.UNIT,
                    boxes,
                    indices,
                    matches,
                    groundTruth,
                    null,
                    null,
                    labels,
                    targets));
    Tensor deltas = gaussians(1, 256, 4);
    Tensor dDeltas = tensors.floatOutput(1, count, 4);
    time(
        "scatterRows 256 -> " + count + " x 4",
        () -> backend.regions().scatterRows(deltas, indices, dDeltas));
  }

  private void losses() {
    Tensor labels = tensors.ints(random.ints(512, 0, 91).toArray());
    Tensor logits = gaussians(512, 91);
    Tensor loss = tensors.floatOutput(1);
    Tensor dLogits = tensors.floatOutput(512, 91);
    time(
        "softmaxCrossEntropy 512 x 91",
        () -> backend.losses().softmaxCrossEntropy(logits, labels, loss, dLogits));
    Tensor deltas = gaussians(512, 364);
    Tensor targets = gaussians(512, 4);
    Tensor dDeltas = tensors.floatOutput(512, 364);
    time(
        "smoothL1 512 x 364",
        () -> backend.losses().smoothL1(1 / 9f, deltas, targets, labels, loss, dDeltas));
  }

  private void updates() {
    int count = 41_000_000;
    float[] values = new float[count];
    Arrays.fill(values, 1e-3f);
    Tensor parameter = tensors.floats(values);
    Tensor gradient = tensors.floats(values);
    Tensor velocity = tensors.floats(values);
    Tensor norm = tensors.floatOutput(1);
    SgdSpec spec = new SgdSpec(1e-3f, 0.9f, 1e-4f);
    time("sgdUpdate 41M", () -> backend.updates().sgdUpdate(spec, parameter, gradient, velocity));
    time("squaredNorm 41M", () -> backend.updates().squaredNorm(gradient, norm));
    time("clipByNorm 41M", () -> backend.updates().clipByNorm(gradient, norm, 0.5f));
  }

  private void images() {
    byte[] bytes = new byte[480 * 640 * 3];
    random.nextBytes(bytes);
    Tensor image = tensors.bytes(bytes, 480, 640, 3);
    Tensor slot = tensors.floatOutput(HEIGHT, WIDTH, 3);
    NormalizeSpec spec =
        new NormalizeSpec(new float[] {0.5f, 0.4f, 0.3f}, new float[] {0.2f, 0.3f, 0.4f});
    time(
        "resizeNormalize 480 x 640 -> 800 x 1067",
        () -> backend.images().resizeNormalize(spec, image, 800, 1067, slot));
    byte[] large = new byte[3000 * 4000 * 3];
    random.nextBytes(large);
    Tensor photograph = tensors.bytes(large, 3000, 4000, 3);
    time(
        "resizeNormalize 3000 x 4000 -> 800 x 1067",
        () -> backend.images().resizeNormalize(spec, photograph, 800, 1067, slot));
  }
}
