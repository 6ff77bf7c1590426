package dev.cocoli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.PartListener;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
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
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
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
      Future<?> first = callers.submit(() -> WaitingCalls.detect(detector, image, meeting));
      Future<?> second = callers.submit(() -> WaitingCalls.detect(detector, image, meeting));
      first.get(); // each waits for the other in the middle of its call
      second.get();

      CountDownLatch end = new CountDownLatch(1);
      CountDownLatch running = new CountDownLatch(3);
      PartListener held = WaitingCalls.holding(running, end);
      List<Future<?>> three = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        three.add(callers.submit(() -> WaitingCalls.detect(detector, image, held)));
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
        WaitingCalls.detect(
            detector, image, (ops, part) -> threads.add(Thread.currentThread().getName()));
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
      PartListener held = WaitingCalls.holding(running, end);
      Future<List<Detection>> first =
          callers.submit(() -> WaitingCalls.detect(detector, image, held));
      running.await();
      Future<List<Detection>> waiting =
          WaitingCalls.submitAndAwaitWaiting(() -> detector.detect(image));
      Future<?> closing = null;
      try {
        closing = WaitingCalls.submitAndAwaitWaiting(Executors.callable(detector::close));
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
          assertThrows(
              IllegalStateException.class, () -> WaitingCalls.detect(detector, image, throwing));
      assertSame(thrown, e);
      StackTraceElement[] caller = e.getSuppressed()[0].getStackTrace();
      assertTrue(
          Arrays.stream(caller)
              .anyMatch(frame -> frame.getClassName().equals(getClass().getName())),
          Arrays.toString(caller));
      assertFalse(detector.detect(image).isEmpty(), "the detector still works");
      PartListener again = (ops, part) -> detector.detect(image);
      assertThrows(IllegalStateException.class, () -> WaitingCalls.detect(detector, image, again));
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

  @Test
  void callsThatWaitGoThroughTheNetworkTogether() throws Exception {
    WaitingCalls calls = new WaitingCalls(folder);
    List<List<Detection>> alone = calls.detect(ONE, WaitingCalls.SIZES);
    assertEquals(List.of(1, 1, 1, 1, 1), calls.batches());
    List<List<Detection>> together = calls.detect(ONE.withBatch(3), WaitingCalls.SIZES);
    assertEquals(List.of(1, 3, 1), calls.batches());
    WaitingCalls.assertSameDetections(alone, together);
    WaitingCalls.assertSameDetections(alone, calls.detect(ONE.withBatch(2), WaitingCalls.SIZES));
    assertEquals(List.of(1, 2, 1, 1), calls.batches());
  }

  @Test
  void aBatchThatFailsIsTriedCallByCall() throws Exception {
    int[][] sizes = {{64, 80}, {64, 80}, {64, 80}};
    WaitingCalls calls = new WaitingCalls(folder);
    List<List<Detection>> alone = calls.detect(ONE, sizes);
    List<List<Detection>> retried = calls.failingTogether().detect(ONE.withBatch(4), sizes);
    assertEquals(List.of(1, 3, 1, 1, 1), calls.batches());
    assertEquals(alone, retried);
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

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await(120, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
