package dev.cocoli.train;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.FittedHead;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.train.TrainingResult.Outcome;
import dev.cocoli.train.checkpoint.Checkpoint;
import dev.cocoli.train.checkpoint.RunFolder;
import dev.cocoli.train.checkpoint.RunRecord;
import dev.cocoli.train.parallel.Replica;
import dev.cocoli.train.parallel.SharedEvaluation;
import dev.cocoli.train.rcnn.FeatureStore;
import dev.cocoli.train.rcnn.RcnnStages;
import dev.cocoli.train.rcnn.RunProposals;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;

/**
 * The order of things in a run: the steps of an epoch, its evaluation, a checkpoint, the next
 * epoch. What is done is known from {@link Progress} alone, so that the loop can be entered at any
 * step.
 */
final class TrainingLoop implements AutoCloseable {
  private final TrainingRun run;
  private final TrainConfig config;
  private final Backend backend;
  private final RunFolder folder;
  private final TrainingListener listener;
  private final List<RunProposals> proposals = new ArrayList<>();
  private final DataLoader loader;
  private final Optional<ProposalSource> validationProposals;
  private final int stepsPerEpoch;
  private final long totalSteps;
  private final DetectionModel model;
  private final ParameterArena parameters;
  private final Checkpoint checkpoint;
  private final TrainingStep trainingStep;
  private final StatisticsBackup statistics;

  /** Where images lie that are sent to the device a step ahead. */
  private final BufferPool ahead;

  private final Replica replica;
  private final BooleanSupplier stopRequested;
  private RunRecord record;

  /** Whether a replica asked all to stop after the last step. */
  private boolean stopAgreed;

  private Progress progress;
  private Checkpoints checkpoints;
  private final StepTimes times = new StepTimes();

  TrainingLoop(
      TrainingRun run,
      Backend backend,
      RunFolder folder,
      TrainingListener listener,
      Checkpoint.Writer writer,
      Replica replica,
      BooleanSupplier isStopRequested) {
    this.replica = replica;
    this.stopRequested = isStopRequested;
    this.run = run;
    this.config = run.config();
    this.backend = backend;
    this.folder = folder;
    this.listener = listener;
    loader =
        new DataLoader(
            run.trainData(),
            loading(config.batch()),
            proposals(run.trainData(), run.proposals(), folder.proposals()),
            listener::message);
    validationProposals =
        run.validationData()
            .map(data -> proposals(data, run.validationProposals(), folder.validationProposals()));
    try {
      stepsPerEpoch = loader.batchesPerEpoch();
      totalSteps = (long) stepsPerEpoch * config.epochs();
      model = run.model().build();
      model.fittedHead().ifPresent(_ -> RcnnStages.requireSolver());
      parameters =
          ParameterArena.forTraining(backend, model, config.update().optimizer().stateNames());
    } catch (RuntimeException | Error e) {
      loader.close();
      throw e;
    }
    checkpoint = new Checkpoint(folder, run.model(), model, parameters, writer);
    trainingStep =
        new TrainingStep(
            model, parameters, config, replica.synchronization(parameters, isStopRequested));
    statistics = new StatisticsBackup(parameters);
    ahead = new BufferPool(backend::allocate);
  }

  /** Replicas of one process share its threads. */
  private DataLoaderConfig loading(int batch) {
    int threads = Math.max(1, config.data().workers() / replica.localSize());
    return new DataLoaderConfig(
        batch, config.seed(), replica.rank(), replica.size(), config.data().withWorkers(threads));
  }

  private ProposalSource proposals(Dataset data, Optional<ProposalSource> given, Path file) {
    if (!run.model().needsProposals()) {
      return ProposalSource.NONE;
    }
    RunProposals found = new RunProposals(data, given, file, config.data().workers());
    proposals.add(found);
    return found;
  }

  long totalSteps() {
    return totalSteps;
  }

  int stepsPerEpoch() {
    return stepsPerEpoch;
  }

  DetectionModel model() {
    return model;
  }

  ParameterArena parameters() {
    return parameters;
  }

  Checkpoint checkpoint() {
    return checkpoint;
  }

  /**
   * Goes on until all is done or someone asks to stop.
   *
   * @param from what is done; that of the first replica counts
   * @param keptIn where the run is kept
   */
  TrainingResult run(Progress from, RunRecord keptIn) {
    record = keptIn;
    progress = replica.begin(parameters, from);
    checkpoints = new Checkpoints(config.checkpoint(), record, progress.step());
    try {
      return goOn();
    } catch (RuntimeException | Error e) {
      if (!checkpoints.hasFailed()) { // else e says it
        keepSteps(e);
        if (replica.isFirst()) {
          checkpoints.whereToResume(progress, folder.path()).ifPresent(listener::message);
        }
      }
      throw e;
    }
  }

  private TrainingResult goOn() {
    for (RunProposals found : proposals) {
      if (!found.prepare(listener, stopRequested)) {
        return result(Outcome.STOP_REQUESTED);
      }
    }
    if (progress.step() < totalSteps) {
      model.fittedHead().ifPresent(FittedHead::reopen); // epochs were added
    }
    listener.started(plan());
    while (true) {
      boolean epochEnded = progress.step() % stepsPerEpoch == 0 && progress.step() > 0;
      if (epochEnded && isEvaluationDue() && !evaluate()) {
        return stop();
      }
      if (epochEnded && checkpoints.isBehind(progress)) {
        save(Checkpoint.Rank.LATEST);
      }
      if (isPatienceOver()) {
        return result(Outcome.STOPPED_EARLY);
      }
      if (progress.step() >= totalSteps) {
        if (model.isFinished()) {
          return result(Outcome.COMPLETED);
        }
        if (!finish()) {
          return stop();
        }
        continue;
      }
      if (!trainEpoch()) {
        return stop();
      }
    }
  }

  /** Does what R-CNN's training does after the steps; false if it was asked to stop. */
  private boolean finish() {
    FeatureStore store = new FeatureStore(folder.path(), progress.step());
    RcnnStages stages =
        new RcnnStages(
            run, model.fittedHead().orElseThrow(), backend, proposals.getFirst(), store, listener);
    if (!stages.run(stopRequested)) {
      return false;
    }
    save(Checkpoint.Rank.LATEST);
    store.delete(); // the weights have all of it
    return true;
  }

  private TrainingPlan plan() {
    return new TrainingPlan(
        progress.step(),
        totalSteps,
        stepsPerEpoch,
        config.epochs(),
        run.trainData().size(),
        run.validationData().map(Dataset::size).orElse(0),
        parameters.values().elementCount());
  }

  /** Does the steps that are left of an epoch; false if it was asked to stop. */
  private boolean trainEpoch() {
    int epoch = epochsDone();
    int firstBatch = (int) (progress.step() % stepsPerEpoch);
    try (DeviceBatches batches =
        new DeviceBatches(backend, ahead, loader.epoch(epoch, firstBatch))) {
      while (batches.hasNext()) {
        if (isTimeToStop()) {
          return false;
        }
        step(batches, epoch + 1);
        if (checkpoints.isDue(progress)) {
          save(Checkpoint.Rank.LATEST);
        }
      }
    }
    return true;
  }

  /** Several replicas stop after the same step: the one in which one of them asked for it. */
  private boolean isTimeToStop() {
    return replica.size() == 1 ? stopRequested.getAsBoolean() : stopAgreed;
  }

  /** Writes a checkpoint before the run ends by a problem that has not changed the weights. */
  private void keepSteps(Throwable problem) {
    if (checkpoints.isBehind(progress) && !trainingStep.hasMoved()) {
      try {
        statistics.putBack();
        save(Checkpoint.Rank.LATEST);
      } catch (RuntimeException | Error e) {
        problem.addSuppressed(e);
      }
    }
  }

  private void step(DeviceBatches batches, int epoch) {
    long step = progress.step();
    replica.enter("step " + (step + 1));
    long began = System.nanoTime();
    long waitedBefore = batches.waitNanos();
    double learningRate =
        config.fullLearningRate() * config.update().schedule().factorAt(step, totalSteps);
    TrainingStep.Outcome outcome;
    try (DeviceBatch batch = batches.next()) {
      if (replica.isFirst()) {
        statistics.take();
      }
      outcome = trainingStep.run(batch, step, learningRate, batches::sendAhead);
    }
    statistics.drop();
    stopAgreed = outcome.stop();
    progress = progress.afterStep();
    StepReport report =
        new StepReport(
            progress.step(),
            epoch,
            outcome.losses(),
            learningRate,
            (System.nanoTime() - began) / 1e9,
            (batches.waitNanos() - waitedBefore) / 1e9);
    times.add(report, outcome.times());
    if (isLogged(progress.step())) {
      record.step(report, times);
      times.clear();
    }
    listener.stepDone(report);
  }

  /** The first and the last step are, so that every plot of a run has a line. */
  private boolean isLogged(long number) {
    return number == 1 || number % config.logEvery() == 0 || number == totalSteps;
  }

  private int epochsDone() {
    return (int) (progress.step() / stepsPerEpoch);
  }

  private boolean isEvaluationDue() {
    boolean isLast = progress.step() >= totalSteps;
    return run.validationData().isPresent()
        && model.isFinished()
        && progress.evaluatedEpochs() < epochsDone()
        && (isLast || epochsDone() % config.evaluation().everyEpochs() == 0);
  }

  /** Scores the model and writes a checkpoint; false if it was asked to stop meanwhile. */
  private boolean evaluate() {
    Dataset data = run.validationData().orElseThrow();
    long began = System.nanoTime();
    replica.enter("the evaluation after step " + progress.step());
    replica.shareStatistics(parameters);
    Evaluation evaluation =
        new Evaluation(data, evaluationLoading(), validationProposals, listener::message);
    Optional<SharedEvaluation.Scores> found;
    try (Detector detector = Detector.over(run.model(), model, backend, config.precision())) {
      found =
          new SharedEvaluation(data, replica)
              .run(
                  evaluation,
                  detector,
                  stopRequested,
                  done -> listener.evaluating(done, data.size()));
    }
    if (found.isEmpty()) {
      return false;
    }
    SharedEvaluation.Scores scores = found.get();
    boolean isBest = progress.isBetter(scores.ap());
    double seconds = (System.nanoTime() - began) / 1e9;
    Optional<EvaluationReport> report =
        scores
            .metrics()
            .map(m -> new EvaluationReport(epochsDone(), progress.step(), m, isBest, seconds));
    report.ifPresent(record::evaluation);
    progress = progress.afterEvaluation(epochsDone(), scores.ap());
    save(isBest ? Checkpoint.Rank.BEST : Checkpoint.Rank.LATEST);
    report.ifPresent(listener::evaluated);
    return true;
  }

  /** Each replica takes as many images at once as one alone would: the same go together. */
  private DataLoaderConfig evaluationLoading() {
    return loading(config.evaluation().batch() * replica.size());
  }

  private boolean isPatienceOver() {
    OptionalInt patience = config.evaluation().patience();
    return progress.step() < totalSteps
        && patience.isPresent()
        && progress.evaluationsSinceBest() >= patience.getAsInt();
  }

  private void save(Checkpoint.Rank rank) {
    replica.keep(() -> progress = checkpoints.save(progress, rank));
  }

  private TrainingResult stop() {
    if (checkpoints.isBehind(progress)) {
      save(Checkpoint.Rank.LATEST);
    }
    return result(Outcome.STOP_REQUESTED);
  }

  private TrainingResult result(Outcome outcome) {
    Optional<Path> best = Optional.of(folder.bestWeights()).filter(Files::exists);
    return new TrainingResult(
        outcome,
        progress.step(),
        totalSteps,
        progress.bestAp(),
        progress.bestEpoch(),
        folder.lastWeights(),
        best);
  }

  @Override
  public void close() {
    try {
      replica.close(); // from here on no other reads this one's memory
      loader.close();
    } finally {
      proposals.forEach(RunProposals::close);
      statistics.close();
      ahead.close();
      parameters.close();
    }
  }
}
