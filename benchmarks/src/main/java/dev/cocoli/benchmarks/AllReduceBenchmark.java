package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Measures an all-reduce over replicas: the mean of one bucket of gradients, from the call to its
 * end on the device. The bus bandwidth is {@code 2 (ranks - 1) / ranks * bytes / time}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class AllReduceBenchmark {
  private static final Duration TIMEOUT = Duration.ofMinutes(1);

  /** The device: {@code cpu} for all ranks, or {@code cuda}. */
  @Param("cpu")
  public String device;

  /** The number of replicas; on {@code cuda} each has a GPU. */
  @Param("2")
  public int ranks;

  /** Size of the bucket in MiB. */
  @Param({"1", "25", "256"})
  public int mebibytes;

  /** The type of the elements: {@code fp32}, {@code bf16}. */
  @Param("fp32")
  public String precision;

  private final List<Backend> backends = new ArrayList<>();
  private final List<Buffer> buffers = new ArrayList<>();
  private final List<Tensor> tensors = new ArrayList<>();
  private final List<Thread> others = new ArrayList<>();
  private List<Communicator> communicators;

  /** Connects the replicas; all but the first run on threads of their own. */
  @Setup
  public void connect() {
    Precision wire = Precision.parse(precision);
    long byteSize = (long) mebibytes << 20;
    long elements = byteSize / wire.activations().byteSize();
    for (Device where : devices()) {
      Backend backend = Backends.openReplica(where, ranks);
      Buffer buffer = backend.allocate(byteSize);
      backends.add(backend);
      buffers.add(buffer);
      tensors.add(new Tensor(buffer, 0, Shape.of(elements), wire.activations()));
    }
    communicators = Backends.connect(backends, TIMEOUT);
    for (int rank = 1; rank < ranks; rank++) {
      int self = rank;
      others.add(Thread.ofPlatform().daemon().start(() -> takePart(self)));
    }
  }

  private List<Device> devices() {
    Device first = Backends.device(device);
    return IntStream.range(0, ranks)
        .mapToObj(i -> first.kind() == Device.Kind.CPU ? first : new Device(first.kind(), i))
        .toList();
  }

  /**
   * Joins the collectives of another rank. A collective begins when all ranks have entered it, so
   * that the other ranks follow the first.
   */
  private void takePart(int rank) {
    try {
      while (true) {
        reduce(rank);
      }
    } catch (CommunicatorException e) {
      return; // the first rank has ended
    }
  }

  private void reduce(int rank) {
    communicators.get(rank).startAllReduce(tensors.get(rank), Reduction.MEAN);
    communicators.get(rank).awaitAllReduces();
    backends.get(rank).transfers().synchronize();
  }

  /** Averages a bucket. */
  @Benchmark
  public void allReduce() {
    reduce(0);
  }

  /** Ends the other ranks. */
  @TearDown
  public void close() throws InterruptedException {
    communicators.getFirst().abort("the benchmark is over");
    for (Thread other : others) {
      other.join();
    }
    communicators.forEach(Communicator::close);
    buffers.forEach(Buffer::close);
    backends.forEach(Backend::close);
  }
}
