package dev.cocoli.train.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.BrokenImagePolicy;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.testing.Timeouts;
import dev.cocoli.train.FaultyBackend;
import dev.cocoli.train.FinishedRun;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.optim.StepSchedule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A replica that fails ends all; what is left is whole. */
@Tag("slow")
class ReplicaFaultTest {
  /** Of threads that a run may not leave behind. */
  private static final Pattern OWN_THREAD = Pattern.compile("cocoli-.*");

  @TempDir static Path reference;
  private static FinishedRun whole;

  @TempDir Path folder;
  private TrainingRun run;
  private Set<Thread> before;
  private final List<Long> saved = new ArrayList<>();
  private final List<String> told = new ArrayList<>();

  @BeforeAll
  static void trainWithoutFault() throws Exception {
    TrainingRun run = run(reference);
    ReplicaRuns.replicas(run, 2, TrainingListener.NONE).start();
    whole = FinishedRun.read(run.out());
  }

  @BeforeEach
  void draw() throws IOException {
    run = run(folder);
    before = ownThreads();
  }

  private static TrainingRun run(Path folder) throws IOException {
    TrainConfig config =
        TinyRuns.config()
            .withBatch(4)
            .withEpochs(2)
            .withCheckpoint(c -> c.withSteps(1))
            .withData(d -> d.withBrokenImages(BrokenImagePolicy.ERROR));
    return ReplicaRuns.run(folder, Norm.Type.BATCH, config);
  }

  private static Set<Thread> ownThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> OWN_THREAD.matcher(thread.getName()).matches())
        .collect(Collectors.toSet());
  }

  @AfterEach
  void leavesNothing() throws Exception {
    Set<Thread> left = ownThreads();
    left.removeAll(before);
    for (Thread thread : left) {
      thread.join(60_000);
      assertTrue(!thread.isAlive(), "left running: " + thread);
    }
    try (var files = Files.list(run.out())) {
      List<Path> halves = files.filter(file -> file.toString().endsWith(".tmp")).toList();
      assertEquals(List.of(), halves);
    }
  }

  /** The last checkpoint is whole: from there the run ends as if nothing had happened. */
  private void assertGoesOn() throws IOException {
    ReplicaRuns.replicas(run, 2, TrainingListener.NONE).resume();
    whole.assertSame(FinishedRun.read(run.out()));
  }

  private static Replicas.Opener faultyOnRank1(String method, int call, Runnable fault) {
    return index -> {
      Backend backend = Backends.openReplica(Device.CPU, 2);
      return index == 1 ? FaultyBackend.of(backend, method, call, fault) : backend;
    };
  }

  private TrainingException failure(Replicas.Opener opener, Connector connector, Duration timeout) {
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void checkpointWritten(long step) {
            saved.add(step);
          }

          @Override
          public void message(String text) {
            told.add(text);
          }
        };
    Replicas replicas =
        new Replicas(
            run,
            ReplicaRuns.cpus(2),
            ReplicaRuns.PARALLEL.withTimeout(timeout),
            listener,
            opener,
            2,
            () -> connector);
    return assertThrows(TrainingException.class, replicas::start);
  }

  private TrainingException failure(Replicas.Opener opener) {
    Duration timeout = ReplicaRuns.PARALLEL.timeout();
    return failure(opener, DeviceConnector.ofProcess(2, timeout), timeout);
  }

  /** The failure of a run whose rank 1 does something without an end in the second step. */
  private TrainingException timedOutInStep2(Runnable endless) {
    return Timeouts.longEnough(
        timeout -> {
          try {
            run = run(folder.resolve("within-" + timeout.toMillis()));
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          Connector connector = DeviceConnector.ofProcess(2, timeout);
          return failure(faultyOnRank1("sampleTargets", 3, endless), connector, timeout);
        },
        early -> !early.getMessage().contains("rank 1 was in step 2"));
  }

  private static void assertNames(TrainingException e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), "no '" + part + "' in: " + e.getMessage());
    }
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }

  private static void fail() {
    throw new IllegalStateException("it broke");
  }

  @Test
  void inForward() throws Exception {
    // one call a map and step: 4 maps, so that the third step breaks
    TrainingException e = failure(faultyOnRank1("sampleTargets", 5, ReplicaFaultTest::fail));
    assertNames(
        e,
        "rank 1 gave up: in step 3: it broke",
        "last collective entered: rank 0 #",
        ", rank 1 #",
        "rank 1 was in step 3");
    assertInstanceOf(IllegalStateException.class, e.getCause());
    assertGoesOn();
  }

  @Test
  void inBackward() throws Exception {
    assertNames(
        failure(faultyOnRank1("maxPool2dBackward", 3, ReplicaFaultTest::fail)),
        "rank 1 gave up: in step 2: it broke",
        "all-reduce (mean)");
    assertGoesOn();
  }

  private void saveNothingOnTime() {
    run = run.withConfig(run.config().withCheckpoint(c -> c.withSteps(99)));
  }

  /** What rank 0 has is that of the last step, the statistics of its norms included. */
  @Test
  void inForwardOfAStepWhoseForerunnersAreNotSaved() throws Exception {
    saveNothingOnTime();
    assertNames(
        failure(faultyOnRank1("sampleTargets", 5, ReplicaFaultTest::fail)), "in step 3: it broke");
    assertEquals(List.of(2L), saved);
    assertEquals(
        List.of(
            "the run failed after 2 steps; its last checkpoint, in %s, is of step 2"
                .formatted(run.out())),
        told);
    assertGoesOn();
  }

  @Test
  void inTheAllReduce() throws Exception {
    saveNothingOnTime();
    Duration timeout = ReplicaRuns.PARALLEL.timeout();
    DeviceConnector local = DeviceConnector.ofProcess(2, timeout);
    Connector broken =
        new Connector() {
          @Override
          public int firstRank() {
            return 0;
          }

          @Override
          public Communicator connect(int index, Backend backend) {
            Communicator connected = local.connect(index, backend);
            AtomicInteger waits = new AtomicInteger();
            return index == 0
                ? connected
                : FaultyBackend.wrapped(
                    Communicator.class,
                    connected,
                    (name, arguments) -> {
                      if (name.equals("awaitAllReduces") && waits.incrementAndGet() == 3) {
                        fail(); // with all buckets of step 2 under way
                      }
                      return null;
                    });
          }

          @Override
          public void giveUp(int index, String reason) {
            local.giveUp(index, reason);
          }
        };
    assertNames(
        failure(index -> Backends.openReplica(Device.CPU, 2), broken, timeout),
        "rank 1 gave up: in step 2: it broke",
        "all-reduce (mean)");
    // rank 0 may have had all of the second step's gradients
    assertTrue(List.of(List.of(1L), List.of(2L)).contains(saved), saved.toString());
    assertGoesOn();
  }

  @Test
  void inAnEvaluation() throws Exception {
    assertNames(
        failure(faultyOnRank1("decodeDetections", 2, ReplicaFaultTest::fail)),
        "rank 1 gave up: in the evaluation after step 4: it broke",
        "rank 0 was in the evaluation after step 4");
    assertGoesOn();
  }

  @Test
  void inTheDataLoader() throws Exception {
    Path image = run.trainData().get(5).path();
    byte[] bytes = Files.readAllBytes(image);
    Files.write(image, Arrays.copyOf(bytes, bytes.length / 2));
    TrainingException e = failure(index -> Backends.openReplica(Device.CPU, 2));
    assertNames(e, " gave up: in step ", image + ": ", "last collective entered: rank 0 ");
    assertInstanceOf(ImageDecodeException.class, e.getCause());
    Files.write(image, bytes);
    assertGoesOn();
  }

  @Test
  void oneThatSleepsForEver() throws Exception {
    Runnable sleep =
        () -> {
          try {
            Thread.sleep(Long.MAX_VALUE);
          } catch (InterruptedException e) {
            throw new IllegalStateException("woken", e);
          }
        };
    assertNames(
        timedOutInStep2(sleep), "rank 1 did not join ", " within ", " s", "rank 1 was in step 2");
    assertGoesOn();
  }

  @Test
  void oneThatNothingWakes() throws Exception {
    CountDownLatch released = new CountDownLatch(1);
    Runnable hang =
        () -> {
          while (released.getCount() > 0) {
            try {
              released.await();
            } catch (InterruptedException e) {
              continue; // as a call into a driver would
            }
          }
          fail();
        };
    assertNames(
        timedOutInStep2(hang), "rank 1 did not join ", "the threads of ranks [1] do not end");
    released.countDown();
  }

  @Test
  void aLossThatIsNotFinite() throws Exception {
    run =
        run.withConfig(
            run.config()
                .withLearningRate(1e30)
                .withSchedule(StepSchedule.DEFAULT.withWarmup(0))
                .withCheckpoint(c -> c.withSteps(99)));
    TrainingException e = failure(index -> Backends.openReplica(Device.CPU, 2));
    assertNames(e, "not finite", "step ", "try a lower one");
    assertEquals(List.of(), saved);
    assertEquals(1, told.size(), told.toString());
    assertTrue(told.getFirst().endsWith(", without a checkpoint"), told.getFirst());
  }

  @Test
  void aDeviceThatCannotBeOpened() throws Exception {
    Files.createDirectories(run.out());
    Replicas replicas =
        new Replicas(
            run,
            List.of(Device.CPU, new Device(Device.Kind.CUDA, 63)),
            ReplicaRuns.PARALLEL,
            TrainingListener.NONE);
    String message = assertThrows(RuntimeException.class, replicas::start).getMessage();
    assertTrue(message.contains("cuda:63"), message);
    try (var files = Files.list(run.out())) {
      assertEquals(0, files.count());
    }
  }
}
