package dev.cocoli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TinyDetectors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/** Calls of one detector that wait while another call runs, and how they are batched. */
final class WaitingCalls {
  /** Two of the first three images differ in size, but not in the network. */
  static final int[][] SIZES = {{64, 80}, {128, 160}, {64, 96}, {64, 80}};

  private final Path folder;
  private final List<Integer> batches = new CopyOnWriteArrayList<>();
  private boolean failsTogether;

  /**
   * Prepares it.
   *
   * @param folder for weights
   */
  WaitingCalls(Path folder) {
    this.folder = folder;
  }

  /** Lets batches of several images fail from now on. */
  WaitingCalls failingTogether() {
    failsTogether = true;
    return this;
  }

  /** Returns how many images went through the network together in the last {@link #detect}. */
  List<Integer> batches() {
    return batches;
  }

  /** A tiny detector that notes how many images go through it together. */
  private final class Recording extends DetectionModel {
    private final DetectionModel model;

    Recording(RcnnConfig config, int classes) {
      super(classes);
      model = child("model", TinyDetectors.SPEC.builder().build(config, classes));
    }

    @Override
    public List<List<Detection>> detect(Ops ops, Inputs inputs, PartListener parts) {
      batches.add(inputs.images().size());
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

  /**
   * Returns what is found on images whose calls wait while another one runs.
   *
   * @param options how the detector is opened
   * @param sizes height and width of each image
   */
  List<List<Detection>> detect(DetectorOptions options, int[][] sizes) throws Exception {
    ModelSpec spec =
        new ModelSpec(
            "recording",
            TinyDetectors.SPEC.classNames(),
            TinyDetectors.SPEC.config(),
            Recording::new);
    Path weights = TinyDetectors.write(spec, folder.resolve("recording"));
    batches.clear();
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    List<List<Detection>> found = new ArrayList<>();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();
        Detector detector = Detector.open(weights, options.withBuilder(Recording::new));
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

  /** Starts a call, and returns once it waits, so that the next one comes after it. */
  static <T> Future<T> submitAndAwaitWaiting(Callable<T> call) throws InterruptedException {
    FutureTask<T> result = new FutureTask<>(call);
    Thread caller = Thread.ofPlatform().daemon().start(result);
    while (caller.getState() != Thread.State.WAITING) {
      assertFalse(result.isDone(), "it does not wait");
      Thread.sleep(1);
    }
    return result;
  }

  static void assertSameDetections(List<List<Detection>> expected, List<List<Detection>> found) {
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

  static List<Detection> detect(Detector detector, Image image, PartListener parts) {
    AnnotatedImage annotated =
        new AnnotatedImage(0, "n", Path.of("n"), image.width(), image.height(), List.of());
    return detector.detect(annotated, image, parts);
  }

  /** Holds a call after its features, until it is let go on. */
  static PartListener holding(CountDownLatch running, CountDownLatch end) {
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
}
