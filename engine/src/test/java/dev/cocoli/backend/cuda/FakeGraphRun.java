package dev.cocoli.backend.cuda;

import static dev.cocoli.backend.cuda.Doublings.doublings;
import static dev.cocoli.backend.cuda.Doublings.download;
import static dev.cocoli.backend.cuda.Doublings.expect;
import static dev.cocoli.backend.cuda.Doublings.filled;
import static dev.cocoli.backend.cuda.Doublings.run;
import static dev.cocoli.backend.cuda.Doublings.warmUp;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.CapturedRegion;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.graphs.CapturedRegions;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.detection.LossValues;
import dev.cocoli.nn.Norm;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.TinyLife;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * The process in which a stand-in is the GPU, and regions are replayed as CUDA graphs. Its
 * arguments are the kernels' library and an empty folder.
 */
public final class FakeGraphRun {
  private static final Device GPU = new Device(Device.Kind.CUDA, 0);
  private static final String PROPERTY = "cocoli.cuda.graphs";
  private static final int PLAIN = CapturedRegions.PLAIN_USES;

  private FakeGraphRun() {}

  /**
   * Runs it; a failure is printed, and is the process's exit code.
   *
   * @param arguments the kernels' library and the folder
   */
  public static void main(String[] arguments) throws IOException {
    Backends.problem(GPU)
        .ifPresent(
            problem -> {
              throw new IllegalStateException(problem);
            });
    FakeGpu.useKernels(Path.of(arguments[0]));
    Path folder = Path.of(arguments[1]);
    aDetectorComputesTheSame(folder, Norm.Type.BATCH, Precision.FP32);
    aDetectorComputesTheSame(folder, Norm.Type.FROZEN, Precision.BF16);
    withGraphs(FakeGraphRun::addressesMayChange);
    withGraphs(FakeGraphRun::eachShapeHasItsGraph);
    withGraphs(FakeGraphRun::aReplayMakesNoCalls);
    withGraphs(FakeGraphRun::memoryMayGrow);
    withGraphs(FakeGraphRun::memoryMayGoBack);
    withGraphs(FakeGraphRun::whatFailsIsForgotten);
    withGraphs(FakeGraphRun::waitsAreRefused);
    withGraphs(FakeGraphRun::memoryOfReplaysGivesWay);
    withGraphs(FakeGraphRun::nothingIsTimedMeanwhile);
    aFailureUnderWayIsTold();
    withoutTheProperty();
    check(FakeGpu.live().isEmpty(), "not destroyed: " + FakeGpu.live());
    System.out.println("proved: replayed CUDA graphs compute the same on the fake GPU");
  }

  static void check(boolean condition, String what) {
    if (!condition) {
      throw new IllegalStateException(what);
    }
  }

  private static void withGraphs(Consumer<Backend> test) {
    System.setProperty(PROPERTY, "true");
    try (Backend backend = Backends.open(GPU)) {
      test.accept(backend);
    } finally {
      System.clearProperty(PROPERTY);
    }
  }

  // ---- a detector

  private static void aDetectorComputesTheSame(Path folder, Norm.Type norm, Precision precision)
      throws IOException {
    int steps = 3;
    int detections = PLAIN + 3;
    List<List<LossValues>> losses = new ArrayList<>();
    List<List<List<Detection>>> found = new ArrayList<>();
    for (boolean graphs : new boolean[] {false, true}) {
      System.setProperty(PROPERTY, Boolean.toString(graphs));
      FakeGpu.seed();
      FakeCounts counts = new FakeCounts();
      try (Backend backend = Backends.open(GPU)) {
        Path images = Files.createDirectory(folder.resolve(norm + "-" + graphs));
        TinyLife life = new TinyLife(backend, images);
        life.run(norm, precision, steps, detections);
        losses.add(life.losses());
        found.add(life.detections());
      }
      if (graphs) {
        // captured from the ninth detection on, and again in the third after a step
        counts.check(2, 3 + (detections - 2));
      } else {
        counts.check(0, 0);
      }
    }
    System.clearProperty(PROPERTY);
    check(losses.get(0).equals(losses.get(1)), losses.get(0) + " became " + losses.get(1));
    check(found.get(0).equals(found.get(1)), found.get(0) + " became " + found.get(1));
    check(losses.get(0).stream().allMatch(LossValues::areFinite), "losses: " + losses.get(0));
    check(found.get(0).stream().noneMatch(List::isEmpty), "nothing was detected");
    check(
        !Objects.equals(found.get(0).getFirst(), found.get(0).getLast()),
        "another step changed nothing");
  }

  // ---- regions

  private static void addressesMayChange(Backend backend) {
    CapturedRegion region = doublings(backend, 3);
    warmUp(backend, "owner", 1000, region);
    FakeCounts counts = new FakeCounts();
    for (int i = 0; i < 5; i++) {
      try (TensorScope scope = new TensorScope(backend.pool())) {
        scope.allocate(DType.F32, 100 * i + 1);
        Tensor x = filled(backend, scope, 1000, i);
        expect(backend, run(backend, "owner", region, scope, x), 8 * i, "at another address");
      }
    }
    counts.check(1, 5);
  }

  private static void eachShapeHasItsGraph(Backend backend) {
    CapturedRegion region = doublings(backend, 2);
    FakeCounts counts = new FakeCounts();
    int shapes = 12;
    for (int round = 0; round <= PLAIN; round++) {
      for (int shape = 1; shape <= 2; shape++) {
        try (TensorScope scope = new TensorScope(backend.pool())) {
          Tensor x = filled(backend, scope, shape, round);
          expect(backend, run(backend, "owner", region, scope, x), 4 * round, "shape " + shape);
        }
      }
    }
    counts.check(2, 2);
    // the cache is bounded
    for (int shape = 1; shape <= shapes; shape++) {
      warmUp(backend, "owner", shape, region);
      warmUp(backend, "owner", shape, region);
    }
    check(FakeGpu.live().contains("8 executable graphs"), FakeGpu.live());
  }

  private static void aReplayMakesNoCalls(Backend backend) {
    try (Buffer weights = backend.allocate(40)) {
      Tensor w = new Tensor(weights, 0, Shape.of(10), DType.F32);
      backend.copies().fill(w, 1);
      int[] runs = {0};
      CapturedRegion region =
          (scope, input) -> {
            runs[0]++;
            Tensor y = scope.allocate(DType.F32, 10);
            backend.elementwise().add(input, w, y);
            return List.of(y);
          };
      for (int i = 0; i < PLAIN + 4; i++) {
        replayOnce(backend, region, i, 1);
      }
      check(runs[0] == PLAIN + 1, runs[0] + " runs");
      FakeCounts counts = new FakeCounts();
      replayOnce(backend, region, 50, 1);
      // the fill, and the copy of the input: not the addition; the download
      check(counts.of("calls") == 3 && counts.of("launches") == 1, counts.of("calls") + " calls");
      backend.copies().fill(w, 2);
      // plainly twice, then recorded anew, then replayed
      replayOnce(backend, region, 60, 2);
      replayOnce(backend, region, 65, 2);
      replayOnce(backend, region, 70, 2);
      check(runs[0] == PLAIN + 4, runs[0] + " runs");
      replayOnce(backend, region, 80, 2);
      check(runs[0] == PLAIN + 4, runs[0] + " runs");
    }
  }

  private static void replayOnce(
      Backend backend, CapturedRegion region, float value, float addend) {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Tensor x = filled(backend, scope, 10, value);
      expect(backend, run(backend, "owner", region, scope, x), value + addend, "a replay");
    }
    check(backend.pool().usedBytes() == 0, backend.pool().usedBytes() + " bytes stay in the pool");
  }

  /** Memory that is taken while a region is captured, of the pool and outside of it. */
  private static void memoryMayGrow(Backend backend) {
    warmUp(backend, "owner", 10, doublings(backend, 2));
    List<Buffer> kept = new ArrayList<>();
    CapturedRegion growing =
        (inner, input) -> {
          inner.allocate(DType.U8, 1 << 20);
          kept.add(backend.allocate(100));
          return doublings(backend, 2).run(inner, input);
        };
    for (int round = 0; round < 3; round++) {
      try (TensorScope scope = new TensorScope(backend.pool())) {
        Tensor x = filled(backend, scope, 10, round);
        expect(backend, run(backend, "owner", growing, scope, x), 4 * round, "as it grew");
      }
    }
    check(kept.size() == 1, kept.size() + " runs");
    for (Buffer buffer : kept) {
      float[] values = download(backend, new Tensor(buffer, 0, Shape.of(25), DType.F32));
      check(Arrays.equals(values, new float[25]), "not zeroed: " + Arrays.toString(values));
      buffer.close();
    }
  }

  /** What goes back to the device during a capture is read by what has not run yet. */
  private static void memoryMayGoBack(Backend backend) {
    warmUp(backend, "owner", 10, doublings(backend, 1));
    try (TensorScope scope = new TensorScope(backend.pool())) {
      BufferPool pool = new BufferPool(backend::allocate);
      Buffer outside = pool.take(40);
      Tensor addend = new Tensor(outside, 0, Shape.of(10), DType.F32);
      backend.copies().fill(addend, 7);
      Tensor x = filled(backend, scope, 10, 1);
      FakeCounts counts = new FakeCounts();
      CapturedRegion freeing =
          (inner, input) -> {
            Tensor y = inner.allocate(DType.F32, 10);
            backend.elementwise().add(input, addend, y);
            outside.close();
            pool.close();
            Tensor z = inner.allocate(DType.F32, 10);
            backend.elementwise().add(y, y, z);
            return List.of(z);
          };
      expect(backend, run(backend, "owner", freeing, scope, x), 16, "freed memory");
      counts.check(1, 1);
    }
  }

  /** What a failed capture was to write counts as never written. */
  private static void whatFailsIsForgotten(Backend backend) {
    warmUp(backend, "owner", 10, doublings(backend, 2));
    try (TensorScope scope = new TensorScope(backend.pool());
        Buffer outside = backend.allocate(40)) {
      Tensor y = new Tensor(outside, 0, Shape.of(10), DType.F32);
      RuntimeException ours = new IllegalArgumentException("ours");
      long version = outside.version();
      try {
        run(
            backend,
            "owner",
            (inner, input) -> {
              backend.elementwise().add(input, input, y);
              throw ours;
            },
            scope,
            filled(backend, scope, 10, 1));
        throw new IllegalStateException("nothing was thrown");
      } catch (IllegalArgumentException e) {
        check(e == ours && e.getSuppressed().length == 0, "another failure: " + e);
      }
      expect(backend, List.of(y), 0, "what the failed region was to write");
      check(outside.version() > version + 1, "what was derived from weights still counts");
      for (int i = 0; i < PLAIN; i++) {
        Tensor x = filled(backend, scope, 10, i);
        List<Tensor> again = run(backend, "owner", doublings(backend, 2), scope, x);
        expect(backend, again, 4 * i, "after the failure");
      }
    }
  }

  private static void waitsAreRefused(Backend backend) {
    warmUp(backend, "owner", 10, doublings(backend, 1));
    try (TensorScope scope = new TensorScope(backend.pool())) {
      float[] values = new float[10];
      List<Consumer<Tensor>> waits =
          List.of(
              x -> backend.transfers().download(x, MemorySegment.ofArray(values)),
              x -> backend.transfers().upload(values, x),
              x -> backend.transfers().synchronize());
      for (Consumer<Tensor> wait : waits) {
        try {
          CapturedRegion waiting =
              (inner, input) -> {
                wait.accept(input);
                return List.of(input);
              };
          run(backend, "owner", waiting, scope, filled(backend, scope, 10, 1));
          throw new IllegalStateException("nothing was thrown");
        } catch (IllegalStateException e) {
          check(e.getMessage().contains("within a captured region"), e.getMessage());
          check(e.getSuppressed().length == 0, "another failure");
        }
      }
      Tensor x = filled(backend, scope, 10, 1);
      List<Tensor> again = run(backend, "owner", doublings(backend, 1), scope, x);
      expect(backend, again, 2, "after the failures");
    }
  }

  /** Of two regions that are replayed, the one that ran last keeps its memory. */
  private static void memoryOfReplaysGivesWay(Backend backend) {
    CapturedRegion region = doublings(backend, 1);
    long elements = 4 << 20; // 32 MiB of the 2 GiB, each
    for (String owner : List.of("first", "second")) {
      for (int i = 0; i <= PLAIN; i++) {
        try (TensorScope scope = new TensorScope(backend.pool())) {
          run(backend, owner, region, scope, scope.allocate(DType.F32, elements));
        }
      }
    }
    check(FakeGpu.live().contains("2 executable graphs"), FakeGpu.live());
    // leaves room for the input below, but not with both
    try (Buffer large = backend.allocate(1960L << 20);
        TensorScope scope = new TensorScope(backend.pool())) {
      check(large.byteSize() > 0 && FakeGpu.live().contains("1 executable graphs"), FakeGpu.live());
      FakeCounts counts = new FakeCounts();
      Tensor x = filled(backend, scope, elements, 2);
      expect(backend, run(backend, "second", region, scope, x), 4, "what kept its memory");
      counts.check(0, 1);
    }
  }

  /** A shape whose eighth use, at which plans are timed, falls into the capture. */
  private static void nothingIsTimedMeanwhile(Backend backend) {
    warmUp(backend, "owner", 12, doublings(backend, 1));
    try (TensorScope scope = new TensorScope(backend.pool());
        Buffer memory = backend.allocate(36)) {
      Tensor weight = new Tensor(memory, 0, Shape.of(1, 3, 3, 1), DType.F32);
      CapturedRegion convolutions =
          (inner, input) -> {
            Tensor x = input.reshape(1, 3, 4, 1);
            Tensor y = inner.allocate(DType.F32, 1, 3, 4, 1);
            for (int i = 0; i < PLAIN + 2; i++) {
              backend.convolutions().conv2d(Conv2dSpec.of(3, 1, 1), x, weight, null, null, null, y);
            }
            return List.of(y);
          };
      Tensor x = filled(backend, scope, 12, 1);
      expect(backend, run(backend, "owner", convolutions, scope, x), 0, "convolutions");
    }
  }

  private static void aFailureUnderWayIsTold() {
    try {
      withGraphs(
          backend -> {
            warmUp(backend, "owner", 10, doublings(backend, 1));
            try (TensorScope scope = new TensorScope(backend.pool())) {
              Tensor x = filled(backend, scope, 10, 1);
              backend.transfers().synchronize();
              FakeGpu.letFail("add_f32");
              List<Tensor> results = run(backend, "owner", doublings(backend, 1), scope, x);
              expect(backend, results, 0, "a kernel that fails");
            } finally {
              FakeGpu.recover();
            }
          });
      throw new IllegalStateException("nothing was thrown");
    } catch (NativeException e) {
      check(e.getMessage().contains("cudaErrorLaunchFailure"), e.getMessage());
    }
  }

  private static void withoutTheProperty() {
    try (Backend backend = Backends.open(GPU)) {
      FakeCounts counts = new FakeCounts();
      warmUp(backend, "owner", 10, doublings(backend, 1));
      warmUp(backend, "owner", 10, doublings(backend, 1));
      counts.check(0, 0);
    }
  }
}
