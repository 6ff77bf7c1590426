package dev.cocoli.benchmarks;

import dev.cocoli.Detector;
import dev.cocoli.DetectorOptions;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.benchmarks.compare.ProcessMemory;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Timeout;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Measures the images per second of several callers of one detector on the processor, and what each
 * call that runs beside the first one adds to the process ({@code native.lane}; that many callers
 * are needed).
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 2, time = 5)
@Measurement(iterations = 3, time = 10)
@Timeout(time = 30, timeUnit = TimeUnit.MINUTES)
public class ConcurrencyBenchmark {
  private static final int IMAGES = 8;

  /** The model's name. */
  @Param("fasterrcnn_resnet18_fpn")
  public String model;

  /** Height x width of the images, which the model does not resize. */
  @Param("480x640")
  public String size;

  /** Threads that call. */
  @Param({"1", "2", "4", "8"})
  public int callers;

  /** Calls that run side by side at most. */
  @Param({"1", "2"})
  public int concurrency;

  private Path weights;
  private Detector detector;
  private final List<Image> images = new ArrayList<>();
  private ExecutorService threads;

  /**
   * Draws weights and images, opens the detector with all its lanes, and sees what those take.
   *
   * @throws IOException if the weights cannot be written
   * @throws InterruptedException if the thread is interrupted
   * @throws ExecutionException if a call fails
   */
  @Setup
  public void setUp() throws IOException, InterruptedException, ExecutionException {
    ImageSize image = ImageSize.parse(size);
    ModelSpec spec = SyntheticModel.spec(model, image);
    weights = Files.createTempFile("cocoli-benchmark-", ".safetensors");
    DetectionModel drawn = spec.build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, drawn);
        Arena arena = Arena.ofConfined()) {
      parameters.initialize(0);
      Safetensors.write(weights, spec.toMetadata(), StateDict.save(drawn, backend, arena));
    }
    detector = Detector.open(weights, DetectorOptions.DEFAULT.withConcurrency(concurrency));
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < IMAGES; i++) {
      images.add(SyntheticModel.noise(image, random));
    }
    threads = Executors.newFixedThreadPool(callers);
    images.forEach(detector::detect); // one lane
    long alone = ProcessMemory.residentBytes();
    detect();
    detect();
    long lanes = Math.min(callers, concurrency);
    long more = ProcessMemory.residentBytes() - alone;
    NativeMemoryProfiler.seeLane(lanes == 1 ? 0 : more / (lanes - 1));
  }

  /**
   * Frees all.
   *
   * @throws IOException if the weights cannot be deleted
   */
  @TearDown
  public void tearDown() throws IOException {
    threads.close();
    detector.close();
    images.forEach(Image::close);
    Files.delete(weights);
  }

  /**
   * {@return what is found on all images, each by the next caller that is free}
   *
   * @throws InterruptedException if the thread is interrupted
   * @throws ExecutionException if a call fails
   */
  @Benchmark
  @OperationsPerInvocation(IMAGES)
  public List<List<Detection>> detect() throws InterruptedException, ExecutionException {
    List<Future<List<Detection>>> calls = new ArrayList<>();
    for (Image image : images) {
      calls.add(threads.submit(() -> detector.detect(image)));
    }
    List<List<Detection>> found = new ArrayList<>();
    for (Future<List<Detection>> call : calls) {
      found.add(call.get());
    }
    return found;
  }
}
