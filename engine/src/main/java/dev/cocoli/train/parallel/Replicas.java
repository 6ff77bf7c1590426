package dev.cocoli.train.parallel;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.LastBatch;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Count;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingResult;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.checkpoint.RunDescription;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Trains one model on several devices at once: each has a replica of it, on a platform thread of
 * its own, that computes the gradients of its part of every batch; all update their weights by the
 * mean. Batch, order, flips and samples are those of a run on one device, and so is the result, as
 * far as the losses are means over equal parts, but for the order of summation. With the same
 * number of replicas, kind of processor and threads, the bits repeat.
 *
 * <p>A replica that fails ends the others, and {@link #start} and {@link #resume} say which one, in
 * which step, and where the others were.
 *
 * <pre>{@code
 * TrainingRun run = TrainingRun.of(model, data, TrainConfig.DEFAULT, Path.of("runs/first"));
 * List<Device> devices = List.of(Device.CPU, Device.CPU);
 * new Replicas(run, devices, ParallelConfig.DEFAULT, TrainingListener.NONE).start();
 * }</pre>
 */
public final class Replicas {
  /** What a replica computes with; but for tests a device's backend. */
  @FunctionalInterface
  interface Opener {
    Backend open(int index);
  }

  /**
   * After a failure, the time until a thread that does not end is interrupted, at most; more where
   * a step takes longer, because a replica notices at its next collective.
   */
  private static final Duration LONGEST_GRACE = Duration.ofSeconds(10);

  private static final int STEPS_OF_GRACE = 3;

  private final TrainingRun run;
  private final List<Device> devices;
  private final ParallelConfig config;
  private final RelayedMessages listener;
  private final Opener opener;
  private final Supplier<Connector> connectors;
  private final int size;
  private volatile boolean stopRequested;

  /**
   * Prepares a run; nothing is read or written yet.
   *
   * @param run what to train; the batch is that of all devices together
   * @param devices where, one replica each
   * @param config how they work together
   * @param listener told how it goes, on the first replica's thread
   * @throws IllegalArgumentException if the batch cannot be shared evenly
   * @throws TrainingException if the model cannot be trained by several
   */
  public Replicas(
      TrainingRun run, List<Device> devices, ParallelConfig config, TrainingListener listener) {
    this(
        run,
        devices,
        config,
        listener,
        index -> Backends.openReplica(devices.get(index), devices.size()),
        devices.size(),
        () -> DeviceConnector.ofProcess(devices.size(), config.timeout()));
  }

  /**
   * Prepares this process's part of a run of several processes, which all have as many devices;
   * nothing is read or written yet. The process of rank 0 writes the run folder.
   *
   * @param run what to train; the batch is that of all devices of all processes together
   * @param devices those of this process, one replica each
   * @param processes which process this is, and where the first one is found
   * @param config how they work together
   * @param listener told how it goes where rank 0 is; elsewhere of messages only
   * @throws IllegalArgumentException if the batch cannot be shared evenly
   * @throws TrainingException if the model cannot be trained by several
   */
  public Replicas(
      TrainingRun run,
      List<Device> devices,
      RankEnvironment processes,
      ParallelConfig config,
      TrainingListener listener) {
    this(
        run,
        devices,
        config,
        listener,
        index -> Backends.openReplica(devices.get(index), devices.size()),
        devices.size() * processes.size(),
        () ->
            DeviceConnector.ofProcesses(
                devices.size(),
                processes,
                digest(run, devices.size(), config),
                config.timeout(),
                listener::message));
  }

  /** What all processes have to agree on before they connect. */
  private static byte[] digest(TrainingRun run, int localSize, ParallelConfig config) {
    String agreed =
        RunDescription.settings(run) + localSize + config.withTimeout(Duration.ofSeconds(1));
    try {
      return MessageDigest.getInstance("SHA-256").digest(agreed.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  Replicas(
      TrainingRun run,
      List<Device> devices,
      ParallelConfig config,
      TrainingListener listener,
      Opener opener,
      int size,
      Supplier<Connector> connectors) {
    this.run = run;
    this.devices = List.copyOf(devices);
    this.config = config;
    this.listener = new RelayedMessages(listener);
    this.opener = opener;
    this.connectors = connectors;
    this.size = size;
    requireShareable(run, config, size);
  }

  /**
   * Refuses a batch that cannot be shared evenly.
   *
   * @param config how to train
   * @param size how many replicas there are, over all processes
   * @throws IllegalArgumentException if it cannot
   */
  public static void requireShareable(TrainConfig config, int size) {
    int batch = config.batch();
    if (batch % size != 0) {
      int less = batch / size * size;
      throw new IllegalArgumentException(
          "batch is over all devices: %s cannot be shared evenly by %d replicas; use %s%d"
              .formatted(
                  new Count(batch, "image"), size, less == 0 ? "" : less + " or ", less + size));
    }
  }

  /**
   * Refuses what several replicas cannot train.
   *
   * @param run what to train
   * @param config how the replicas work together
   * @param size how many there are, over all processes
   * @throws IllegalArgumentException if the batch cannot be shared evenly
   * @throws TrainingException if model and settings cannot be trained by several
   */
  public static void requireShareable(TrainingRun run, ParallelConfig config, int size) {
    requireShareable(run.config(), size);
    if (size == 1) {
      return;
    }
    if (config.norms() == NormStatistics.SHARED
        && run.config().data().lastBatch() == LastBatch.KEEP) {
      throw new TrainingException(
          "norms share their statistics only where every replica has images in every step: drop"
              + " the last batch, or let each have its own");
    }
    ModelSpec model = run.model();
    if (model.build().fittedHead().isPresent()) {
      throw new TrainingException(
          "a "
              + model.model()
              + " is trained on one device: its stages after the steps are not shared out");
    }
    boolean given =
        run.proposals().isPresent()
            && (run.validationData().isEmpty() || run.validationProposals().isPresent());
    if (model.needsProposals() && !given) {
      throw new TrainingException(
          "several devices need the regions of a %s in files: find them first with cocoli proposals, and give them by --proposals and --val-proposals"
              .formatted(model.model()));
    }
  }

  /**
   * Asks the run to stop, from any thread: all replicas finish the same step, a checkpoint is
   * written, and {@link #start} or {@link #resume} returns. The next call of either is not
   * affected.
   */
  public void requestStop() {
    stopRequested = true;
  }

  /**
   * Trains from the beginning; waits for the end.
   *
   * @return how it ended
   * @throws TrainingException if a replica fails, and as {@link Trainer#start} does
   */
  public TrainingResult start() {
    return train(Trainer::start);
  }

  /**
   * Goes on from the last checkpoint, with as many replicas as there are now; waits for the end.
   *
   * @return how it ended
   * @throws TrainingException if a replica fails, and as {@link Trainer#resume} does
   */
  public TrainingResult resume() {
    return train(Trainer::resume);
  }

  private TrainingResult train(Function<Trainer, TrainingResult> how) {
    Connector connector = connectors.get();
    RankResults results = new RankResults(connector.firstRank(), devices.size());
    CountDownLatch running = new CountDownLatch(devices.size());
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < devices.size(); i++) {
      int index = i;
      threads.add(
          Thread.ofPlatform()
              .name("cocoli-replica-" + (connector.firstRank() + index))
              .daemon() // one that hangs must not keep the process
              .start(
                  () -> {
                    try {
                      train(index, connector, results, how);
                    } finally {
                      running.countDown();
                    }
                  }));
    }
    await(running, threads, results);
    stopRequested = false; // it was for this run
    listener.relay();
    return results.result();
  }

  /** What a replica's thread does. */
  private void train(
      int index, Connector connector, RankResults results, Function<Trainer, TrainingResult> how) {
    try (Backend backend = opener.open(index)) {
      Communicator communicator = connector.connect(index, backend);
      try (ConnectedReplica replica =
          new ConnectedReplica(communicator, config, devices.size(), names())) {
        results.began(index, replica);
        try {
          TrainingListener told = replica.isFirst() ? listener : listener.ofOthers(index == 0);
          Trainer trainer =
              new Trainer(run, backend, told, Safetensors::write, replica, () -> stopRequested);
          results.ended(index, how.apply(trainer));
        } catch (RuntimeException | Error e) {
          replica.fail(e);
          throw e;
        }
      }
    } catch (Throwable e) {
      results.failed(index, e);
      connector.giveUp(index, e.getMessage() == null ? e.toString() : e.getMessage());
    }
  }

  private String names() {
    String here = devices.stream().map(Device::toString).collect(Collectors.joining(","));
    return size == devices.size() ? here : here + " here, " + size + " replicas in all";
  }

  private long graceNanos() {
    long steps = (long) (STEPS_OF_GRACE * listener.stepSeconds() * 1e9);
    return Math.min(config.timeout().toNanos(), Math.max(steps, LONGEST_GRACE.toNanos()));
  }

  /**
   * Waits for all replicas. Once one has failed, the others get the time to notice it; then they
   * are interrupted; then they are left alone, as threads that hang.
   */
  private void await(CountDownLatch running, List<Thread> threads, RankResults results) {
    boolean interrupted = false;
    int rounds = 0;
    while (running.getCount() > 0) {
      try {
        results.awaitFailureOr(running);
        if (running.await(graceNanos(), TimeUnit.NANOSECONDS)) {
          break;
        }
        if (results.isKeeping()) {
          continue;
        }
        if (++rounds > 1) {
          results.hang(threads);
          break;
        }
        results.endOfGrace();
        threads.forEach(Thread::interrupt);
      } catch (InterruptedException e) {
        interrupted = true;
        requestStop();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
