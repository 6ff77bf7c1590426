package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.DeviceMemoryException;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * The process in which a stand-in is the GPU: it runs the contract, then what only a stand-in can
 * show. Its arguments are the kernels' library and the names of the tests' classes.
 */
public final class FakeGpuRun {
  private static final Device GPU = new Device(Device.Kind.CUDA, 0);

  private FakeGpuRun() {}

  /**
   * Runs it; a failure is printed, and is the process's exit code.
   *
   * @param arguments the kernels' library, then classes
   */
  public static void main(String[] arguments) {
    // loads the libraries
    Backends.problem(GPU)
        .ifPresent(
            problem -> {
              throw new IllegalStateException(problem);
            });
    FakeGpu.useKernels(Path.of(arguments[0]));
    contract(Arrays.asList(arguments).subList(1, arguments.length));
    uploadsArriveWhole();
    manyUploadsInARowArrive(4 << 20, 40);
    manyUploadsInARowArrive(60_000, 2500);
    whatIsLessAlignedIsSaidToBe();
    plansAreTimedOnce();
    masksAreFusedOnceTheyAreTimed();
    sumsAreFusedOnceTheyAreTimed();
    tensorsShareAllocationsUnlessExact();
    if (!Boolean.getBoolean("cocoli.cuda.exact")) {
      memoryRunsOut();
      othersFindWhatThePoolReleased();
    }
    aFailureNamesItsKernel();
    check(FakeGpu.live().isEmpty(), "not destroyed: " + FakeGpu.live());
  }

  private static void check(boolean condition, String what) {
    if (!condition) {
      throw new IllegalStateException(what);
    }
  }

  private static void contract(List<String> classes) {
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(classes.stream().map(DiscoverySelectors::selectClass).toList())
            .build();
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create().execute(request, listener);
    for (TestExecutionSummary.Failure failure : listener.getSummary().getFailures()) {
      System.out.println(failure.getTestIdentifier().getUniqueId());
      failure.getException().printStackTrace(System.out);
    }
    long passed = listener.getSummary().getTestsSucceededCount();
    System.out.println("proved: " + passed + " tests hold on the fake GPU");
    check(
        passed > 0 && listener.getSummary().getTotalFailureCount() == 0, "the contract is broken");
  }

  /** Many sizes, larger than the staging memory among them, onto memory that is in use. */
  private static void uploadsArriveWhole() {
    SplittableRandom random = new SplittableRandom(3);
    try (Backend backend = Backends.open(GPU)) {
      for (long size : new long[] {1, 70_001, 1 << 20, 20 << 20, 70 << 20, 12, 0, 16 << 20}) {
        byte[] bytes = new byte[(int) size];
        random.nextBytes(bytes);
        byte[] sent = bytes.clone();
        try (Buffer first = backend.pool().take(size);
            Buffer second = backend.pool().take(size)) {
          Tensor a = new Tensor(first, 0, Shape.of(size), DType.U8);
          Tensor b = new Tensor(second, 0, Shape.of(size), DType.U8);
          backend.transfers().upload(MemorySegment.ofArray(sent), a);
          // the host's bytes are free
          Arrays.fill(sent, (byte) 0);
          backend.copies().copy(a, b);
          // what was queued before still reads a
          backend.transfers().upload(MemorySegment.ofArray(sent), a);
          byte[] back = new byte[bytes.length];
          backend.transfers().download(b, MemorySegment.ofArray(back));
          check(Arrays.equals(bytes, back), size + " bytes did not arrive");
          backend.transfers().download(a, MemorySegment.ofArray(back));
          check(Arrays.equals(sent, back), size + " bytes came too early or late");
        }
      }
    }
  }

  /** More than the staging memory holds, before anything is waited for. */
  private static void manyUploadsInARowArrive(int size, int count) {
    SplittableRandom random = new SplittableRandom(4);
    try (Backend backend = Backends.open(GPU)) {
      List<byte[]> sent = new ArrayList<>();
      List<Tensor> tensors = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        byte[] bytes = new byte[size];
        random.nextBytes(bytes);
        sent.add(bytes);
        Buffer buffer = backend.pool().take(size);
        tensors.add(new Tensor(buffer, 0, Shape.of(size), DType.U8));
        backend.transfers().upload(MemorySegment.ofArray(bytes), tensors.getLast());
      }
      byte[] back = new byte[size];
      for (int i = 0; i < count; i++) {
        backend.transfers().download(tensors.get(i), MemorySegment.ofArray(back));
        check(Arrays.equals(sent.get(i), back), "upload " + i + " of " + size + " bytes is lost");
      }
      // a pool of exact pieces does not free those that are out
      tensors.forEach(tensor -> tensor.buffer().close());
    }
  }

  /** The stand-in ends the process when the libraries are told of more than there is. */
  private static void whatIsLessAlignedIsSaidToBe() {
    try (Backend backend = Backends.open(GPU);
        Buffer memory = backend.allocate(1 << 16)) {
      Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
      Tensor weight = new Tensor(memory, 0, Shape.of(4, 3, 3, 4), DType.F32);
      Tensor bias = new Tensor(memory, 1024, Shape.of(4), DType.F32);
      for (DType type : new DType[] {DType.F32, DType.BF16}) {
        Tensor x = new Tensor(memory, 2048 + type.byteSize(), Shape.of(1, 5, 6, 4), type);
        Tensor y = new Tensor(memory, 8192 + 8, Shape.of(1, 5, 6, 4), type);
        backend.convolutions().conv2d(spec, x, weight, null, bias, null, y);
        backend.convolutions().conv2dBackwardData(spec, y, weight, null, null, null, null, x);
        Tensor columns = new Tensor(memory, 0, Shape.of(6, 4), DType.F32);
        Tensor result = new Tensor(memory, 16_384 + 8, Shape.of(30, 6), type);
        backend.dense().linear(Activation.RELU, x.reshape(30, 4), columns, null, result);
      }
      backend.transfers().synchronize();
    }
  }

  /** What comes back is timed, once, after a kernel that holds the stream up; sums stay right. */
  private static void plansAreTimedOnce() {
    int uses = PlanTimer.TIMED_AT_USE + 2;
    try (Backend backend = Backends.open(GPU);
        TensorScope scope = new TensorScope(backend.pool())) {
      Tensor x = ones(backend, scope, Shape.of(3, 2));
      Tensor dy = ones(backend, scope, Shape.of(3, 4));
      Tensor sum = ones(backend, scope, Shape.of(4, 2));
      timedOnce(uses, () -> backend.dense().linearBackwardWeight(x, dy, sum, null));
      float[] sums = new float[8];
      backend.transfers().download(sum, MemorySegment.ofArray(sums));
      for (float each : sums) {
        check(each == 1 + 3 * uses, "timing has added to a sum: " + each);
      }
      Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
      Tensor image = ones(backend, scope, Shape.of(1, 4, 4, 2));
      Tensor window = ones(backend, scope, Shape.of(2, 3, 3, 2));
      Tensor y = ones(backend, scope, Shape.of(1, 4, 4, 2));
      timedOnce(
          uses, () -> backend.convolutions().conv2d(spec, image, window, null, null, null, y));
    }
  }

  /** A mask is a kernel of its own until its shape is timed; then it depends on the times. */
  private static void masksAreFusedOnceTheyAreTimed() {
    boolean possible =
        !Boolean.getBoolean("cocoli.cuda.deterministic") && System.getenv("FAKE_NO_FUSION") == null;
    boolean fused = false;
    try (Backend backend = Backends.open(GPU);
        TensorScope scope = new TensorScope(backend.pool())) {
      Tensor weight = ones(backend, scope, Shape.of(8, 1, 1, 8));
      // as many shapes as it takes until the times of the stand-in are for it
      for (int width = 1; width <= 30; width++) {
        Tensor dy = narrow(backend, scope, 1, Shape.of(1, 1, width, 8));
        Tensor x = narrow(backend, scope, width % 2, dy.shape());
        Tensor addend = narrow(backend, scope, 3, dy.shape());
        Tensor dx = scope.allocate(DType.BF16, dy.shape());
        for (int use = 1; use <= PlanTimer.TIMED_AT_USE + 2; use++) {
          long before = FakeGpu.count("relu_backward_bf16");
          backend
              .convolutions()
              .conv2dBackwardData(Conv2dSpec.of(1, 1, 0), dy, weight, null, addend, x, null, dx);
          boolean apart = FakeGpu.count("relu_backward_bf16") > before;
          check(apart || use >= PlanTimer.TIMED_AT_USE, "no mask in use " + use);
          check(apart || possible, "fused without a plan");
          fused |= !apart;
          Tensor wide = scope.allocate(DType.F32, dy.shape());
          backend.copies().cast(dx, wide);
          float[] values = new float[8 * width];
          backend.transfers().download(wide, MemorySegment.ofArray(values));
          for (float value : values) {
            check(value == 11 * (width % 2), "use " + use + " of width " + width + ": " + value);
          }
        }
      }
    }
    check(fused == possible, fused ? "fused" : "never fused");
  }

  /** So are sums: of a gradient, and of an output with its squares. */
  private static void sumsAreFusedOnceTheyAreTimed() {
    boolean gradients = false;
    boolean moments = false;
    Conv2dSpec spec = Conv2dSpec.of(1, 1, 0);
    try (Backend backend = Backends.open(GPU);
        TensorScope scope = new TensorScope(backend.pool())) {
      Tensor weight = ones(backend, scope, Shape.of(8, 1, 1, 8));
      Tensor centre = ones(backend, scope, Shape.of(8));
      // as many shapes as it takes until the times of the stand-in are for it
      for (int width = 1; width <= 30; width++) {
        Tensor x = narrow(backend, scope, 1, Shape.of(1, 1, width, 8));
        Tensor y = scope.allocate(DType.BF16, x.shape());
        for (int use = 1; use <= PlanTimer.TIMED_AT_USE + 2; use++) {
          String what = "use " + use + " of width " + width;
          Tensor one = filled(backend, scope, Shape.of(1, 8), 0);
          GradientSums wanted = GradientSums.ofBias(one);
          boolean summed =
              backend
                  .convolutions()
                  .conv2dBackwardData(spec, x, weight, null, null, null, wanted, y);
          check(!summed || use >= PlanTimer.TIMED_AT_USE, "summed before it was timed, " + what);
          check(!summed || first(backend, one, 8) == 8 * width, "sums of gradients, " + what);
          gradients |= summed;
          Tensor two = filled(backend, scope, Shape.of(2, 8), 0);
          summed = backend.convolutions().conv2dMoments(spec, x, weight, centre, two, y);
          check(!summed || first(backend, two, 16) == 7 * width, "sums of outputs, " + what);
          Tensor squares = two.rows(1, 1);
          check(!summed || first(backend, squares, 8) == 49 * width, "squares, " + what);
          moments |= summed;
        }
      }
    }
    boolean possible =
        !Boolean.getBoolean("cocoli.cuda.deterministic") && System.getenv("FAKE_NO_FUSION") == null;
    check(gradients == possible && moments == possible, "fused: " + gradients + ", " + moments);
  }

  private static float first(Backend backend, Tensor x, int count) {
    float[] values = new float[count];
    backend.transfers().download(x, MemorySegment.ofArray(values));
    return values[0];
  }

  private static Tensor narrow(Backend backend, TensorScope scope, float value, Shape shape) {
    Tensor wide = scope.allocate(DType.F32, shape);
    backend.copies().fill(wide, value);
    Tensor narrow = scope.allocate(DType.BF16, shape);
    backend.copies().cast(wide, narrow);
    return narrow;
  }

  private static Tensor ones(Backend backend, TensorScope scope, Shape shape) {
    return filled(backend, scope, shape, 1);
  }

  private static Tensor filled(Backend backend, TensorScope scope, Shape shape, float value) {
    Tensor x = scope.allocate(DType.F32, shape);
    backend.copies().fill(x, value);
    return x;
  }

  private static void timedOnce(int uses, Runnable call) {
    for (int use = 1; use <= uses; use++) {
      long before = FakeGpu.count("hold_up");
      call.run();
      long timings = FakeGpu.count("hold_up") - before;
      boolean due =
          use == PlanTimer.TIMED_AT_USE && !Boolean.getBoolean("cocoli.cuda.deterministic");
      // every candidate once at least
      check(due ? timings >= 2 : timings == 0, timings + " timings in use " + use);
    }
  }

  private static void memoryRunsOut() {
    try (Backend backend = Backends.open(GPU)) {
      // the pool keeps what came back, until somebody else needs it
      backend.pool().take(1L << 30).close();
      long refused = FakeGpu.refusedAllocations();
      backend.allocate(1500L << 20).close();
      check(FakeGpu.refusedAllocations() == refused + 1, "it was not tried twice");
      try {
        backend.allocate(3L << 30).close();
        throw new IllegalStateException("3 GiB of 2 were given");
      } catch (DeviceMemoryException e) {
        check(e.getMessage().contains("3,072.0 MiB were asked for"), e.getMessage());
        check(e.getMessage().contains("2,048.0 MiB of 2,048.0 MiB are free"), e.getMessage());
      }
      // it goes on
      backend.allocate(1 << 20).close();
    }
  }

  /** What cuDNN and NCCL allocate by themselves is not of the pool that the driver keeps for us. */
  private static void othersFindWhatThePoolReleased() {
    try (Backend backend = Backends.open(GPU);
        Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      backend.pool().take(1500L << 20).close();
      backend.transfers().synchronize();
      check(CudaRuntime.cudaMalloc(out, 1500L << 20) != 0, "the pool keeps what may come back");
      backend.pool().trim();
      check(CudaRuntime.cudaMalloc(out, 1500L << 20) == 0, "the device's pool was not trimmed");
      CudaStatus.check("cudaFree", CudaRuntime.cudaFree(out.get(ValueLayout.ADDRESS, 0)));
      check(CudaRuntime.cudaGetLastError() != 0, "the first call has failed");
    }
  }

  private static void tensorsShareAllocationsUnlessExact() {
    boolean exact = Boolean.getBoolean("cocoli.cuda.exact");
    try (Backend backend = Backends.open(GPU);
        Buffer first = backend.pool().take(1000);
        Buffer second = backend.pool().take(2000)) {
      long bytes = FakeGpu.allocationBytes(first.segment());
      long next = FakeGpu.allocationBytes(second.segment());
      check(
          exact ? bytes == 1000 && next == 2000 : bytes > 3000 && next == 0,
          "allocations of " + bytes + " and " + next + " bytes for 1000 and 2000");
    }
  }

  private static void aFailureNamesItsKernel() {
    System.setProperty("cocoli.cuda.sync", "true");
    Backend backend = Backends.open(GPU);
    System.clearProperty("cocoli.cuda.sync");
    try (Buffer memory = backend.allocate(16)) {
      Tensor x = new Tensor(memory, 0, Shape.of(4), DType.F32);
      FakeGpu.letFail("fill");
      try {
        backend.copies().fill(x, 1);
        throw new IllegalStateException("nothing was thrown");
      } catch (NativeException e) {
        check(e.getMessage().contains("fill (memory.cu)"), e.getMessage());
        check(e.getMessage().contains("cudaErrorLaunchFailure"), e.getMessage());
      }
      FakeGpu.recover();
    }
    backend.close();
    backend.close();
  }
}
