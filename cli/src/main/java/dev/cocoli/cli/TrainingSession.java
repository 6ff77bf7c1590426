package dev.cocoli.cli;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.cli.options.RunOptions;
import dev.cocoli.cli.terminal.ErrorMessages;
import dev.cocoli.cli.terminal.ProgressLine;
import dev.cocoli.cli.terminal.StopOnInterrupt;
import dev.cocoli.cli.terminal.Terminal;
import dev.cocoli.cli.terminal.TrainingBar;
import dev.cocoli.cli.terminal.TrainingLines;
import dev.cocoli.cli.terminal.TrainingText;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.report.TrainingPlots;
import dev.cocoli.structures.Count;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingResult;
import dev.cocoli.train.TrainingResult.Outcome;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.parallel.ParallelConfig;
import dev.cocoli.train.parallel.Replicas;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;

/** Runs a training before the user's eyes, and lets them stop it. */
final class TrainingSession {
  /** Where the images with detections are drawn. */
  static final String SHEET = "detections.png";

  private final TrainingRun run;
  private final List<Device> devices;
  private final Optional<RankEnvironment> processes;
  private final ParallelConfig parallel;
  private final String goOn;
  private final PrintWriter out;
  private final PrintWriter err;

  /**
   * Prepares it.
   *
   * @param run what to train
   * @param devices where, one replica each
   * @param processes which of several processes this is; the first one prints and draws
   * @param parallel how several work together
   * @param goOn what to do after a stop, in words
   * @param out for how it goes
   * @param err for warnings
   */
  TrainingSession(
      TrainingRun run,
      List<Device> devices,
      Optional<RankEnvironment> processes,
      ParallelConfig parallel,
      String goOn,
      PrintWriter out,
      PrintWriter err) {
    this.run = run;
    this.devices = devices;
    this.processes = processes;
    this.parallel = parallel;
    this.goOn = goOn;
    this.out = out;
    this.err = err;
  }

  /** Trains to the end, or until the user stops it; returns the exit code. */
  int run(boolean resume) throws IOException {
    ProgressLine line =
        Terminal.isInteractive() && isFirst() ? new ProgressLine(out, Terminal.columns()) : null;
    PrintWriter notes = line == null ? err : line.above(err);
    TrainingText listener =
        line == null
            ? new TrainingLines(run.config().logEvery(), out, err)
            : new TrainingBar(line, line.above(out), notes);
    TrainingResult result;
    try (Job job = open(listener);
        StopOnInterrupt stop = new StopOnInterrupt(job.stop(), notes)) {
      try (line) {
        result = resume ? job.resume().get() : job.start().get();
      } catch (RuntimeException e) {
        if (!stop.isUnderWay()) {
          throw e;
        }
        err.println("cocoli: " + ErrorMessages.of(e)); // later on no one would get to say it
        return CommandLine.ExitCode.SOFTWARE;
      }
      if (isFirst()) {
        drawPlots(run.out(), err);
      }
      if (result.outcome() == Outcome.STOP_REQUESTED) {
        out.printf(
            "stopped after %,d of %s; %s%n",
            result.step(), new Count(result.totalSteps(), "step"), goOn);
        return StopOnInterrupt.EXIT_CODE;
      }
    }
    if (!isFirst()) {
      return 0;
    }
    out.println(result.summary());
    if (resume && result.step() == listener.plan().firstStep()) {
      out.println(howToTrainLonger(result.outcome()));
    }
    Path best = result.bestWeights().orElse(result.lastWeights());
    drawSheet(best);
    out.println("weights: " + best);
    out.println("metrics: " + run.out().resolve("metrics.jsonl"));
    String plots =
        Stream.of(TrainingPlots.LOSSES_FILE, TrainingPlots.AP_FILE)
            .map(run.out()::resolve)
            .filter(Files::exists)
            .map(Path::toString)
            .collect(Collectors.joining(", "));
    if (!plots.isEmpty()) {
      out.println("plots: " + plots);
    }
    return 0;
  }

  /** Says how a run goes on that had come to its end before. */
  private String howToTrainLonger(Outcome outcome) {
    String command = RunOptions.resume(run.out());
    TrainConfig config = run.config();
    return outcome == Outcome.STOPPED_EARLY
        ? "the run had stopped early; to train on: %s --early-stop %d"
            .formatted(command, 2L * config.evaluation().patience().orElse(1))
        : "the run was finished; to train longer: %s --epochs %d"
            .formatted(command, 2L * config.epochs());
  }

  /** A training on one device or on several. */
  private record Job(
      Supplier<TrainingResult> start,
      Supplier<TrainingResult> resume,
      Runnable stop,
      Optional<Backend> backend)
      implements AutoCloseable {
    @Override
    public void close() {
      backend.ifPresent(Backend::close);
    }
  }

  private boolean isFirst() {
    return processes.map(ranks -> ranks.rank() == 0).orElse(true);
  }

  private Job open(TrainingListener listener) {
    if (devices.size() > 1 || processes.isPresent()) {
      Replicas replicas =
          processes.isPresent()
              ? new Replicas(run, devices, processes.get(), parallel, listener)
              : new Replicas(run, devices, parallel, listener);
      return new Job(replicas::start, replicas::resume, replicas::requestStop, Optional.empty());
    }
    Backend backend = Backends.open(devices.getFirst());
    Trainer trainer = new Trainer(run, backend, listener);
    return new Job(trainer::start, trainer::resume, trainer::requestStop, Optional.of(backend));
  }

  /** Draws losses and AP of a run. Without a font there are no plots, and the run is as good. */
  static void drawPlots(Path run, PrintWriter err) {
    try {
      TrainingPlots.write(run);
    } catch (IOException | IllegalStateException e) {
      err.println("cocoli: cannot draw the plots of the run: " + e.getMessage());
    }
  }

  /** The run is done and its weights are there: without a sheet it is no failure. */
  private void drawSheet(Path weights) throws IOException {
    if (run.validationData().isEmpty()) {
      return;
    }
    Path file = run.out().resolve(SHEET);
    try (Detector detector = Detector.open(weights, devices.getFirst())) {
      ValidationSheet.write(detector, run.validationData().get(), file);
      out.println("detections: " + file);
    } catch (IllegalStateException e) {
      err.println("cocoli: no " + file + ": " + e.getMessage());
    }
  }
}
