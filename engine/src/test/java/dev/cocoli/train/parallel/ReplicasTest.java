package dev.cocoli.train.parallel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.LastBatch;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.FinishedRun;
import dev.cocoli.train.RectangleData;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingPlan;
import dev.cocoli.train.TrainingResult;
import dev.cocoli.train.TrainingResult.Outcome;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several replicas train as one would. */
@Tag("slow")
class ReplicasTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path reference;

  /** A run of two that nothing interrupted, with trained norms. */
  private static FinishedRun whole;

  private static List<JsonNode> wholeLines;

  @TempDir Path folder;

  @BeforeAll
  static void trainTwoWithoutInterruption() throws Exception {
    TrainingRun run = ReplicaRuns.run(reference, Norm.Type.BATCH, config());
    TrainingResult result = ReplicaRuns.replicas(run, 2, TrainingListener.NONE).start();
    assertEquals(Outcome.COMPLETED, result.outcome());
    assertEquals(8, result.step());
    whole = FinishedRun.read(run.out());
    wholeLines = lines(run.out());
  }

  /** Four steps an epoch. */
  private static TrainConfig config() {
    return TinyRuns.config().withBatch(4).withEpochs(2).withData(d -> d.withWorkers(2));
  }

  private static TrainingResult alone(TrainingRun run, TrainingListener listener) {
    try (Backend backend = Backends.open(Device.CPU)) {
      return new Trainer(run, backend, listener).start();
    }
  }

  private static List<JsonNode> lines(Path run) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  /** The same images, flips and samples, so the same weights but for the order of sums. */
  @Test
  void twoBatchesOfTwoTrainAsOneOfFour() throws Exception {
    TrainConfig config = config().withEpochs(3);
    TrainingRun one = ReplicaRuns.run(folder.resolve("one"), Norm.Type.FROZEN, config);
    TrainingRun two = ReplicaRuns.run(folder.resolve("two"), Norm.Type.FROZEN, config);
    List<StepReport> ofOne = new ArrayList<>();
    List<StepReport> ofTwo = new ArrayList<>();
    assertEquals(12, alone(one, steps(ofOne)).step());
    assertEquals(12, ReplicaRuns.replicas(two, 2, steps(ofTwo)).start().step());
    ReplicaRuns.assertClose(
        one.out().resolve("last.safetensors"), two.out().resolve("last.safetensors"), 1e-5);
    for (int i = 0; i < 12; i++) {
      assertEquals(
          ofOne.get(i).losses().total(), ofTwo.get(i).losses().total(), 1e-4, "loss of step " + i);
    }
  }

  /** With the whole batch's statistics, two train as one even where norms are trained. */
  @Test
  void normsMayShareTheirStatistics() throws Exception {
    TrainConfig config = config().withEpochs(1).withLearningRate(0.005);
    TrainingRun one = ReplicaRuns.run(folder.resolve("one"), Norm.Type.BATCH, config);
    TrainingRun two = ReplicaRuns.run(folder.resolve("two"), Norm.Type.BATCH, config);
    TrainingRun own = ReplicaRuns.run(folder.resolve("own"), Norm.Type.BATCH, config);
    alone(one, TrainingListener.NONE);
    ParallelConfig shared = ReplicaRuns.PARALLEL.withNorms(NormStatistics.SHARED);
    new Replicas(two, ReplicaRuns.cpus(2), shared, TrainingListener.NONE).start();
    ReplicaRuns.replicas(own, 2, TrainingListener.NONE).start();
    Path last = Path.of("last.safetensors");
    ReplicaRuns.assertClose(one.out().resolve(last), two.out().resolve(last), 1e-4);
    assertThrows(
        AssertionError.class,
        () -> ReplicaRuns.assertClose(one.out().resolve(last), own.out().resolve(last), 1e-2),
        "own statistics make no difference here");
  }

  private static TrainingListener steps(List<StepReport> into) {
    return new TrainingListener() {
      @Override
      public void stepDone(StepReport report) {
        into.add(report);
      }
    };
  }

  /** Seven images in batches of three, the last with one: it counts as it would alone. */
  @Test
  void theLastBatchIsSharedUnevenlyAndWeighed() throws Exception {
    TrainConfig config = config().withBatch(3).withData(d -> d.withLastBatch(LastBatch.KEEP));
    List<TrainingRun> runs = new ArrayList<>();
    for (String name : List.of("one", "three")) {
      runs.add(
          TrainingRun.of(
              ReplicaRuns.model(Norm.Type.FROZEN),
              RectangleData.draw(folder.resolve("train-" + name), 8, 1),
              config,
              folder.resolve(name)));
    }
    assertEquals(6, alone(runs.getFirst(), TrainingListener.NONE).step());
    assertEquals(6, ReplicaRuns.replicas(runs.getLast(), 3, TrainingListener.NONE).start().step());
    ReplicaRuns.assertClose(
        folder.resolve("one/last.safetensors"), folder.resolve("three/last.safetensors"), 1e-5);
  }

  @Test
  void twoRunsHaveTheSameBits() throws Exception {
    TrainingRun run = ReplicaRuns.run(folder, Norm.Type.BATCH, config());
    ReplicaRuns.replicas(run, 2, TrainingListener.NONE).start();
    whole.assertSame(FinishedRun.read(run.out()));
  }

  /** As a launcher starts them; the second has a folder of its own, in which nothing appears. */
  @Test
  void twoProcessesTrainAsOneWithTwoReplicas() throws Exception {
    DeviceConnector both = DeviceConnector.ofProcess(2, ReplicaRuns.PARALLEL.timeout());
    List<Path> folders = List.of(folder.resolve("first"), folder.resolve("second"));
    List<TrainingResult> results = Collections.synchronizedList(new ArrayList<>());
    List<Thread> processes = new ArrayList<>();
    List<String> told = Collections.synchronizedList(new ArrayList<>());
    for (int process = 0; process < 2; process++) {
      int rank = process;
      TrainingRun run = ReplicaRuns.run(folders.get(rank), Norm.Type.BATCH, config());
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void started(TrainingPlan plan) {
              told.add("started " + rank);
            }
          };
      Connector connector =
          new Connector() {
            @Override
            public int firstRank() {
              return rank;
            }

            @Override
            public Communicator connect(int index, Backend backend) {
              return both.connect(rank, backend);
            }

            @Override
            public void giveUp(int index, String reason) {
              both.giveUp(rank, reason);
            }
          };
      Replicas replicas =
          new Replicas(
              run,
              ReplicaRuns.cpus(1),
              ReplicaRuns.PARALLEL,
              listener,
              index -> Backends.openReplica(Device.CPU, 2),
              2,
              () -> connector);
      processes.add(Thread.ofPlatform().start(() -> results.add(replicas.start())));
    }
    for (Thread process : processes) {
      process.join();
    }
    assertEquals(List.of(8L, 8L), results.stream().map(TrainingResult::step).toList());
    assertEquals(List.of("started 0"), told);
    whole.assertSame(FinishedRun.read(folders.getFirst().resolve("run")));
    assertFalse(Files.exists(folders.getLast().resolve("run")));
  }

  @Test
  void processesOnTheProcessorAreRefused() throws Exception {
    TrainingRun run = ReplicaRuns.run(folder, Norm.Type.BATCH, config());
    RankEnvironment first = new RankEnvironment(0, 2, 0, "localhost", 29_500);
    Replicas replicas =
        new Replicas(run, ReplicaRuns.cpus(1), first, ReplicaRuns.PARALLEL, TrainingListener.NONE);
    String message = assertThrows(IllegalArgumentException.class, replicas::start).getMessage();
    assertTrue(message.contains("2 processes"), message);
    assertFalse(Files.exists(run.out()));
  }

  @Test
  void aStoppedRunGoesOnWithTheSameBits() throws Exception {
    TrainingRun run = ReplicaRuns.run(folder, Norm.Type.BATCH, config());
    AtomicReference<Replicas> self = new AtomicReference<>();
    self.set(ReplicaRuns.replicas(run, 2, stopAt(2, self)));
    TrainingResult stopped = self.get().start();
    assertEquals(Outcome.STOP_REQUESTED, stopped.outcome());
    assertTrue(stopped.step() == 2 || stopped.step() == 3, "stopped at " + stopped.step());
    TrainingResult done = ReplicaRuns.replicas(run, 2, TrainingListener.NONE).resume();
    assertEquals(Outcome.COMPLETED, done.outcome());
    whole.assertSame(FinishedRun.read(run.out()));
  }

  private static TrainingListener stopAt(long step, AtomicReference<Replicas> self) {
    return new TrainingListener() {
      @Override
      public void stepDone(StepReport report) {
        if (report.step() == step) {
          self.get().requestStop();
        }
      }
    };
  }

  @Test
  void aRunGoesOnWithMoreOrFewerReplicas() throws Exception {
    TrainConfig config = config().withEpochs(3);
    TrainingRun one = ReplicaRuns.run(folder.resolve("one"), Norm.Type.FROZEN, config);
    alone(one, TrainingListener.NONE);

    TrainingRun fewer = ReplicaRuns.run(folder.resolve("fewer"), Norm.Type.FROZEN, config);
    AtomicReference<Replicas> self = new AtomicReference<>();
    self.set(ReplicaRuns.replicas(fewer, 2, stopAt(5, self)));
    assertEquals(Outcome.STOP_REQUESTED, self.get().start().outcome());
    try (Backend backend = Backends.open(Device.CPU)) {
      assertEquals(12, new Trainer(fewer, backend, TrainingListener.NONE).resume().step());
    }
    ReplicaRuns.assertClose(
        one.out().resolve("last.safetensors"), fewer.out().resolve("last.safetensors"), 1e-5);

    TrainingRun more = ReplicaRuns.run(folder.resolve("more"), Norm.Type.FROZEN, config);
    try (Backend backend = Backends.open(Device.CPU)) {
      AtomicReference<Trainer> trainer = new AtomicReference<>();
      TrainingListener stopper =
          new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
              if (report.step() == 5) {
                trainer.get().requestStop();
              }
            }
          };
      trainer.set(new Trainer(more, backend, stopper));
      assertEquals(5, trainer.get().start().step());
    }
    assertEquals(12, ReplicaRuns.replicas(more, 2, TrainingListener.NONE).resume().step());
    ReplicaRuns.assertClose(
        one.out().resolve("last.safetensors"), more.out().resolve("last.safetensors"), 1e-5);
  }

  @Test
  void aGradientMayTravelInBf16() throws Exception {
    TrainConfig config = config().withEpochs(1);
    TrainingRun one = ReplicaRuns.run(folder.resolve("one"), Norm.Type.FROZEN, config);
    TrainingRun two = ReplicaRuns.run(folder.resolve("two"), Norm.Type.FROZEN, config);
    ReplicaRuns.replicas(one, 2, TrainingListener.NONE).start();
    ParallelConfig bf16 = ReplicaRuns.PARALLEL.withWire(Precision.BF16);
    new Replicas(two, ReplicaRuns.cpus(2), bf16, TrainingListener.NONE).start();
    Path last = Path.of("last.safetensors");
    ReplicaRuns.assertClose(one.out().resolve(last), two.out().resolve(last), 1e-2);
    assertThrows(
        AssertionError.class,
        () -> ReplicaRuns.assertClose(one.out().resolve(last), two.out().resolve(last), 1e-9),
        "it did not travel in bf16");
  }

  @Test
  void theFirstReplicaWritesAndMeasures() throws Exception {
    List<JsonNode> steps = wholeLines.stream().filter(line -> line.has("loss")).toList();
    assertEquals(8, steps.size());
    for (JsonNode step : steps) {
      assertTrue(step.get("allreduce_seconds").asDouble() > 0, step.toString());
      double hidden = step.get("allreduce_hidden").asDouble();
      assertTrue(hidden >= 0 && hidden <= 1, step.toString());
    }
    JsonNode description = JSON.readTree(reference.resolve("run/config.json").toFile());
    assertEquals("cpu,cpu", description.get("device").asText());
    try (var files = Files.list(reference.resolve("run"))) {
      assertTrue(files.noneMatch(file -> file.toString().endsWith(".tmp")));
    }
  }

  /** Scored by three, weights and numbers are those of one. */
  @Test
  void evaluationsAreSharedOutExactly() throws Exception {
    TrainConfig config = config().withBatch(3).withEpochs(1).withLearningRate(1e-12);
    TrainingRun one = ReplicaRuns.run(folder.resolve("one"), Norm.Type.FROZEN, config);
    TrainingRun three = ReplicaRuns.run(folder.resolve("three"), Norm.Type.FROZEN, config);
    Path trained = reference.resolve("run/best.safetensors");
    AtomicReference<EvaluationReport> byOne = new AtomicReference<>();
    AtomicReference<EvaluationReport> byThree = new AtomicReference<>();
    List<Integer> told = new ArrayList<>();
    Replicas.Opener sameThreads = index -> Backends.openReplica(Device.CPU, 1 << 20);
    for (boolean alone : new boolean[] {true, false}) {
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void evaluated(EvaluationReport report) {
              (alone ? byOne : byThree).set(report);
            }

            @Override
            public void evaluating(int done, int total) {
              if (!alone) {
                told.add(done);
              }
            }
          };
      TrainingRun run = (alone ? one : three).withWeights(trained);
      int size = alone ? 1 : 3;
      new Replicas(
              run,
              ReplicaRuns.cpus(size),
              ReplicaRuns.PARALLEL,
              listener,
              sameThreads,
              size,
              () -> DeviceConnector.ofProcess(size, ReplicaRuns.PARALLEL.timeout()))
          .start();
    }
    assertTrue(byOne.get().metrics().ap() > 0, "nothing is found, so nothing is compared");
    assertEquals(byOne.get().metrics(), byThree.get().metrics());
    assertEquals(7, told.getLast());
  }

  @Test
  void aBatchIsSharedEvenly() throws Exception {
    TrainingRun run = ReplicaRuns.run(folder, Norm.Type.FROZEN, config());
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> ReplicaRuns.replicas(run, 3, TrainingListener.NONE))
            .getMessage();
    assertTrue(message.contains("4 images cannot be shared evenly by 3"), message);
    assertTrue(message.endsWith("use 3 or 6"), message);
  }

  @Test
  void whatIsWrongBeforeTheFirstStepIsSaidAsOnOneDevice() throws Exception {
    TrainingRun run = ReplicaRuns.run(folder, Norm.Type.BATCH, config());
    Files.createDirectories(run.out());
    Files.writeString(run.out().resolve("config.json"), "{}");
    Replicas replicas = ReplicaRuns.replicas(run, 2, TrainingListener.NONE);
    String message = assertThrows(TrainingException.class, replicas::start).getMessage();
    assertTrue(message.startsWith(run.out() + " holds a run already"), message);
    assertArrayEquals(
        "{}".getBytes(java.nio.charset.StandardCharsets.UTF_8),
        Files.readAllBytes(run.out().resolve("config.json")));
  }
}
