package dev.cocoli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.PartListener;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.ops.Ops;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TinyDetectors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Calls from many threads. */
@Timeout(300)
class DetectorThreadsTest {
  private static final DetectorOptions ONE =
      DetectorOptions.DEFAULT.withThreads(1).withScoreThreshold(0);

  @TempDir private Path folder;

  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();

  @BeforeEach
  void forgetBatches() {
    Recording.BATCHES.clear();
    Recording.failsTogether = false;
  }

  @AfterEach
  void close() {
    callers.close();
  }

  @Test
  void manyThreadsFindWhatOneFinds() throws Exception {
    Path weights = TinyDetectors.write(TinyDetectors.SPEC, folder.resolve("w"));
    List<Image> images = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      images.add(TinyDetectors.noise(50 + 7 * (i % 3), 80, i));
    }
    List<List<Detection>> alone = new ArrayList<>();
    try (Detector detector = Detector.open(weights, ONE)) {
      images.forEach(image -> alone.add(detector.detect(image)));
    }
    assertTrue(alone.stream().noneMatch(List::isEmpty));
    try (Detector detector = Detector.open(weights, ONE.withConcurrency(3))) {
      for (int round = 0; round < 3; round++) {
        List<Future<List<Detection>>> calls = new ArrayList<>();
        for (Image image : images) {
          calls.add(callers.submit(() -> detector.detect(image)));
        }
        for (int i = 0; i < calls.size(); i++) {
          assertEquals(alone.get(i), calls.get(i).get());
        }
      }
    }
    images.forEach(Image::close);
  }

  @Test
  void asManyCallsAsAllowedRunSideBySide() throws Exception {
    Path weights = TinyDetectors.write(TinyDetectors.SPEC, folder.resolve("w"));
    CyclicBarrier both = new CyclicBarrier(2);
    PartListener meeting =
        (ops, part) -> {
          if (part == DetectionPart.FEATURES) {
            await(both);
          }
        };
    try (Detector detector = Detector.open(weights, ONE.withConcurrency(2));
        Image image = TinyDetectors.noise(64, 64, 1)) {
      Future<?> first = callers.submit(() -> detect(detector, image, meeting));
      Future<?> second = callers.submit(() -> detect(detector, image, meeting));
      first.get(); // each waits for the other in the middle of its call
      second.get();

      CountDownLatch end = new CountDownLatch(1);
      CountDownLatch running = new CountDownLatch(3);
      PartListener held = holding(running, end);
      List<Future<?>> three = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        three.add(callers.submit(() -> detect(detector, image, held)));
      }
      while (running.getCount() > 1) {
        Thread.sleep(10);
      }
      assertFalse(running.await(200, TimeUnit.MILLISECONDS), "a third call ran beside the two");
      assertEquals(1, running.getCount());
      end.countDown();
      for (Future<?> call : three) {
        call.get();
      }
    }
  }

  @Test
  void aCallerThatGoesOnNeedsOneLane() throws Exception {
    Path weights = TinyDetectors.write(TinyDetectors.SPEC, folder.resolve("w"));
    List<String> threads = new CopyOnWriteArrayList<>();
    try (Detector detector = Detector.open(weights, ONE.withConcurrency(4));
        Image image = TinyDetectors.noise(64, 64, 1)) {
      for (int i = 0; i < 50; i++) {
        detect(detector, image, (ops, part) -> threads.add(Thread.currentThread().getName()));
      }
    }
    assertEquals(1, threads.stream().distinct().count());
  }

  @Test
  void closingWaitsForTheCallsAndRefusesLaterOnes() throws Exception {
    Path weights = TinyDetectors.write(TinyDetectors.SPEC, folder.resolve("w"));
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    try (Image image = TinyDetectors.noise(64, 64, 1)) {
      Detector detector = Detector.open(weights, ONE);
      PartListener held = holding(running, end);
      Future<List<Detection>> first = callers.submit(() -> detect(detector, image, held));
      running.await();
      Future<List<Detection>> waiting = submitAndAwaitWaiting(() -> detector.detect(image));
      Future<?> closing = null;
      try {
        closing = submitAndAwaitWaiting(Executors.callable(detector::close));
        assertThrows(
            java.util.concurrent.TimeoutException.class,
            closingTimesOut(closing),
            "closed while a call ran");
        IllegalStateException e =
            assertThrows(IllegalStateException.class, () -> detector.detect(image));
        assertEquals("the detector is closed", e.getMessage());
      } finally {
        end.countDown();
      }
      assertFalse(first.get().isEmpty());
      assertFalse(waiting.get().isEmpty(), "a call that was accepted before");
      closing.get();
      detector.close();
    }
  }

  /** Starts a call, and returns once it waits, so that the next one comes after it. */
  private static <T> Future<T> submitAndAwaitWaiting(Callable<T> call)
      throws InterruptedException {
    FutureTask<T> result = new FutureTask<>(call);
    Thread caller = Thread.ofPlatform().daemon().start(result);
    while (caller.getState() != Thread.State.WAITING) {
      assertFalse(result.isDone(), "it does not wait");
      Thread.sleep(1);
    }
    return result;
  }

  private static org.junit.jupiter.api.function.Executable closingTimesOut(Future<?> closing) {
    return () -> closing.get(200, TimeUnit.MILLISECONDS);
  }

  @Test
  void anExceptionHasTheStackTraceOfItsThreadAndOfTheCaller() throws IOException {
    Path weights = TinyDetectors.write(TinyDetectors.SPEC, folder.resolve("w"));
    IllegalStateException thrown = new IllegalStateException("no");
    try (Detector detector = Detector.open(weights, ONE);
        Image image = TinyDetectors.noise(64, 64, 1)) {
      PartListener throwing =
          (ops, part) -> {
            throw thrown;
          };
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> detect(detector, image, throwing));
      assertSame(thrown, e);
      StackTraceElement[] caller = e.getSuppressed()[0].getStackTrace();
      assertTrue(
          Arrays.stream(caller)
              .anyMatch(frame -> frame.getClassName().equals(getClass().getName())),
          Arrays.toString(caller));
      assertFalse(detector.detect(image).isEmpty(), "the detector still works");
      PartListener again = (ops, part) -> detector.detect(image);
      assertThrows(IllegalStateException.class, () -> detect(detector, image, again));
    }
  }

  @Test
  void anInterruptEndsNoCallAndStays() throws IOException {
    Path weights = TinyDetectors.write(TinyDetectors.SPEC, folder.resolve("w"));
    try (Detector detector = Detector.open(weights, ONE);
        Image image = TinyDetectors.noise(64, 64, 1)) {
      Thread.currentThread().interrupt();
      assertFalse(detector.detect(image).isEmpty());
      assertTrue(Thread.interrupted());
    }
  }

  /** A tiny detector that notes how many images go through it together. */
  private static final class Recording extends DetectionModel {
    static final List<Integer> BATCHES = new CopyOnWriteArrayList<>();
    static volatile boolean failsTogether;

    private final DetectionModel model;

    Recording(RcnnConfig config, int classes) {
      super(classes);
      model = child("model", TinyDetectors.SPEC.builder().build(config, classes));
    }

    @Override
    public List<List<Detection>> detect(Ops ops, Inputs inputs, PartListener parts) {
      BATCHES.add(inputs.images().size());
      if (failsTogether && inputs.images().size() > 1) {
        throw new IllegalStateException("too many");
      }
      return model.detect(ops, inputs, parts);
    }

    @Override
    public List<String> lossNames() {
      return model.lossNames();
    }

    @Override
    public Tensor loss(Ops ops, Inputs inputs, List<Target> targets, long seed) {
      return model.loss(ops, inputs, targets, seed);
    }
  }

  @Test
  void callsThatWaitGoThroughTheNetworkTogether() throws Exception {
    // two of the first three differ in size, but not in the network
    int[][] sizes = {{64, 80}, {128, 160}, {64, 96}, {64, 80}};
    List<List<Detection>> alone = detectWaiting(ONE, sizes);
    assertEquals(List.of(1, 1, 1, 1, 1), Recording.BATCHES);
    List<List<Detection>> together = detectWaiting(ONE.withBatch(3), sizes);
    assertEquals(List.of(1, 3, 1), Recording.BATCHES);
    assertSameDetections(alone, together);
    assertSameDetections(alone, detectWaiting(ONE.withBatch(2), sizes));
    assertEquals(List.of(1, 2, 1, 1), Recording.BATCHES);
  }

  @Test
  void aBatchThatFailsIsTriedCallByCall() throws Exception {
    int[][] sizes = {{64, 80}, {64, 80}, {64, 80}};
    List<List<Detection>> alone = detectWaiting(ONE, sizes);
    Recording.failsTogether = true;
    List<List<Detection>> retried = detectWaiting(ONE.withBatch(4), sizes);
    assertEquals(List.of(1, 3, 1, 1, 1), Recording.BATCHES);
    assertEquals(alone, retried);
  }

  /** What is found on images whose calls wait while another one runs. */
  private List<List<Detection>> detectWaiting(DetectorOptions options, int[][] sizes)
      throws Exception {
    ModelSpec spec =
        new ModelSpec(
            "recording",
            TinyDetectors.SPEC.classNames(),
            TinyDetectors.SPEC.config(),
            Recording::new);
    Path weights = TinyDetectors.write(spec, folder.resolve("recording"));
    Recording.BATCHES.clear();
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    List<List<Detection>> found = new ArrayList<>();
    try (Detector detector = Detector.open(weights, options.withBuilder(Recording::new));
        Image first = TinyDetectors.noise(64, 64, 1)) {
      PartListener held = holding(running, end);
      Future<?> blocking = callers.submit(() -> detect(detector, first, held));
      running.await();
      List<Future<List<Detection>>> calls = new ArrayList<>();
      List<Image> images = new ArrayList<>();
      for (int i = 0; i < sizes.length; i++) {
        Image image = TinyDetectors.noise(sizes[i][0], sizes[i][1], i);
        images.add(image);
        calls.add(submitAndAwaitWaiting(() -> detector.detect(image)));
      }
      end.countDown();
      blocking.get();
      for (Future<List<Detection>> call : calls) {
        found.add(call.get());
      }
      images.forEach(Image::close);
    }
    return found;
  }

  private static void assertSameDetections(
      List<List<Detection>> expected, List<List<Detection>> found) {
    for (int image = 0; image < expected.size(); image++) {
      assertEquals(expected.get(image).size(), found.get(image).size());
      for (int i = 0; i < expected.get(image).size(); i++) {
        Detection one = expected.get(image).get(i);
        Detection other = found.get(image).get(i);
        assertEquals(one.label(), other.label());
        assertEquals(one.score(), other.score(), 1e-5f);
        assertTrue(one.box().iou(other.box()) > 0.999, one + " " + other);
      }
    }
  }

  @Test
  void optionsAreChecked() {
    DetectorOptions options = DetectorOptions.DEFAULT;
    assertWrong("concurrency is at least 1", () -> options.withConcurrency(0));
    assertWrong("threads is at least 1", () -> options.withThreads(0));
    assertWrong("batch is at least 1", () -> options.withBatch(0));
    assertWrong("a score threshold is 0 to 1", () -> options.withScoreThreshold(Float.NaN));
    Device gpu = new Device(Device.Kind.CUDA, 0);
    assertWrong("runs one call at a time", () -> options.withDevice(gpu).withConcurrency(2));
    assertEquals(8, options.withDevice(gpu).mostTogether());
  }

  private static void assertWrong(String text, Callable<?> change) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, change::call);
    assertTrue(e.getMessage().contains(text), e.getMessage());
  }

  private static List<Detection> detect(Detector detector, Image image, PartListener parts) {
    AnnotatedImage annotated =
        new AnnotatedImage(0, "n", Path.of("n"), image.width(), image.height(), List.of());
    return detector.detect(annotated, image, parts);
  }

  private static PartListener holding(CountDownLatch running, CountDownLatch end) {
    return (ops, part) -> {
      if (part == DetectionPart.FEATURES) {
        running.countDown();
        try {
          end.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
    };
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await(120, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
