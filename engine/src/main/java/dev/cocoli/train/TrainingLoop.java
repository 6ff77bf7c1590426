package dev.cocoli.train;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataException;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.FittedHead;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.train.TrainingResult.Outcome;
import dev.cocoli.train.checkpoint.Checkpoint;
import dev.cocoli.train.checkpoint.RunFolder;
import dev.cocoli.train.checkpoint.RunRecord;
import dev.cocoli.train.optim.LearningRateSchedule;
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
  private final LearningRateSchedule schedule;
  private final DetectionModel model;
  private final ParameterArena parameters;
  private final Checkpoint checkpoint;
  private final TrainingStep trainingStep;

  private final Replica replica;

  private RunRecord record;
  private BooleanSupplier stopRequested;

  /** Whether a replica asked all to stop behind the last step. */
  private boolean stopAgreed;

  /** The batch of the next step, where it was taken a step ahead; or null. */
  private Batch upcoming;

  private Progress progress;
  private long savedStep;
  private long savedNanos;
  private final StepTimes times = new StepTimes();

  TrainingLoop(
      TrainingRun run,
      Backend backend,
      RunFolder folder,
      TrainingListener listener,
      Checkpoint.Writer writer,
      Replica replica) {
    this.replica = replica;
    this.run = run;
    this.config = run.config();
    this.backend = backend;
    this.folder = folder;
    this.listener = listener;
    loader =
        new DataLoader(
            run.trainData(),
            loading(config.batch())
                .withSeed(config.seed())
                .withFlipProbability(config.flip())
                .withLastBatch(config.lastBatch()),
            proposals(run.trainData(), run.proposals(), folder.proposals()),
            listener::message);
    validationProposals =
        run.validationData()
            .map(data -> proposals(data, run.validationProposals(), folder.validationProposals()));
    try {
      stepsPerEpoch = loader.batchesPerEpoch();
      schedule = config.schedule((long) stepsPerEpoch * config.epochs());
      model = run.model().build();
      parameters = ParameterArena.forTraining(backend, model);
    } catch (RuntimeException | Error e) {
      loader.close();
      throw e;
    }
    checkpoint = new Checkpoint(folder, run.model(), model, parameters, writer);
    trainingStep = new TrainingStep(model, parameters, config, replica.synchronization(parameters));
  }

  /** Replicas of one process share its threads. */
  private DataLoaderConfig loading(int batch) {
    int threads = Math.max(1, config.loaderThreads() / replica.localSize());
    return DataLoaderConfig.of(batch)
        .withReplica(replica.rank(), replica.size())
        .withWorkers(threads, config.prefetchBatches())
        .withBrokenImages(config.brokenImages());
  }

  private ProposalSource proposals(Dataset data, Optional<ProposalSource> given, Path file) {
    if (!run.model().needsProposals()) {
      return (annotated, image) -> List.of();
    }
    RunProposals found = new RunProposals(data, given, file, config.loaderThreads());
    proposals.add(found);
    return found;
  }

  LearningRateSchedule schedule() {
    return schedule;
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
   * @param isStopRequested asked between steps
   */
  TrainingResult run(Progress from, RunRecord keptIn, BooleanSupplier isStopRequested) {
    record = keptIn;
    stopRequested = isStopRequested;
    progress = replica.begin(parameters, from);
    savedStep = progress.step();
    savedNanos = System.nanoTime();
    for (RunProposals found : proposals) {
      if (!found.prepare(listener, isStopRequested)) {
        return result(Outcome.STOP_REQUESTED);
      }
    }
    if (progress.step() < schedule.totalSteps()) {
      model.fittedHead().ifPresent(FittedHead::reopen); // epochs were added
    }
    listener.started(plan());
    while (true) {
      boolean epochEnded = progress.step() % stepsPerEpoch == 0 && progress.step() > 0;
      if (epochEnded && isEvaluationDue() && !evaluate()) {
        return stop();
      }
      if (epochEnded && progress.step() > savedStep) {
        save(Checkpoint.Rank.LATEST);
      }
      if (isPatienceOver()) {
        return result(Outcome.STOPPED_EARLY);
      }
      if (progress.step() >= schedule.totalSteps()) {
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
        schedule.totalSteps(),
        stepsPerEpoch,
        config.epochs(),
        run.trainData().size(),
        run.validationData().map(Dataset::size).orElse(0),
        parameters.values().elementCount(),
        schedule);
  }

  /** Does the steps that are left of an epoch; false if it was asked to stop. */
  private boolean trainEpoch() {
    int epoch = epochsDone();
    int firstBatch = (int) (progress.step() % stepsPerEpoch);
    try (Epoch batches = loader.epoch(epoch, firstBatch)) {
      while (upcoming != null || batches.hasNext()) {
        if (isTimeToStop()) {
          return false;
        }
        step(batches, epoch + 1);
        if (isCheckpointDue()) {
          save(Checkpoint.Rank.LATEST);
        }
      }
    } finally {
      if (upcoming != null) {
        upcoming.close();
        upcoming = null;
      }
    }
    return true;
  }

  /** Takes the next batch early if that costs no time. */
  private Optional<Batch> takeUpcoming(Epoch batches) {
    if (batches.isNextReady()) {
      upcoming = batches.next();
    }
    return Optional.ofNullable(upcoming);
  }

  /** Several replicas stop behind the same step: the one in which one of them asked for it. */
  private boolean isTimeToStop() {
    return replica.size() == 1 ? stopRequested.getAsBoolean() : stopAgreed;
  }

  /** An image that stops the run costs no step that is done. */
  private Batch next(Epoch batches) {
    try {
      return batches.next();
    } catch (DataException e) {
      if (progress.step() > savedStep) {
        save(Checkpoint.Rank.LATEST);
      }
      throw e;
    }
  }

  private void step(Epoch batches, int epoch) {
    replica.enter("step " + (progress.step() + 1));
    long began = System.nanoTime();
    long waitedBefore = batches.waitNanos();
    Batch batch = upcoming != null ? upcoming : next(batches);
    upcoming = null;
    double learningRate = schedule.rateAt(progress.step());
    boolean stop = replica.size() > 1 && stopRequested.getAsBoolean();
    TrainingStep.Outcome outcome =
        trainingStep.run(
            batch,
            loader.shard(batch.index()),
            progress.step(),
            learningRate,
            stop,
            () -> takeUpcoming(batches));
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
    if (progress.step() % config.logEvery() == 0 || progress.step() == schedule.totalSteps()) {
      record.step(report, times);
      times.clear();
    }
    listener.stepDone(report);
  }

  private int epochsDone() {
    return (int) (progress.step() / stepsPerEpoch);
  }

  private boolean isEvaluationDue() {
    boolean isLast = progress.step() >= schedule.totalSteps();
    return run.validationData().isPresent()
        && model.isFinished()
        && progress.evaluatedEpochs() < epochsDone()
        && (isLast || epochsDone() % config.evaluateEvery() == 0);
  }

  /** Scores the model and writes a checkpoint; false if it was asked to stop meanwhile. */
  private boolean evaluate() {
    Dataset data = run.validationData().orElseThrow();
    long began = System.nanoTime();
    replica.enter("the evaluation behind step " + progress.step());
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
    double ap = found.get().ap();
    boolean isBest = progress.isBetter(ap);
    Optional<EvaluationReport> report =
        found
            .get()
            .metrics()
            .map(
                metrics ->
                    new EvaluationReport(
                        epochsDone(),
                        progress.step(),
                        metrics,
                        isBest,
                        (System.nanoTime() - began) / 1e9));
    report.ifPresent(record::evaluation);
    progress = progress.afterEvaluation(epochsDone(), ap);
    save(isBest ? Checkpoint.Rank.BEST : Checkpoint.Rank.LATEST);
    report.ifPresent(listener::evaluated);
    return true;
  }

  /** Each replica takes as many images at once as one alone would: the same go together. */
  private DataLoaderConfig evaluationLoading() {
    return loading(config.evaluationBatch() * replica.size());
  }

  private boolean isPatienceOver() {
    OptionalInt patience = config.earlyStopPatience();
    return patience.isPresent() && progress.evaluationsSinceBest() >= patience.getAsInt();
  }

  /** The end of an epoch has its own checkpoint, behind the evaluation. */
  private boolean isCheckpointDue() {
    OptionalInt steps = config.checkpointSteps();
    return steps.isPresent() && progress.step() - savedStep >= steps.getAsInt()
        || System.nanoTime() - savedNanos >= config.checkpointInterval().toNanos();
  }

  private void save(Checkpoint.Rank rank) {
    progress = record.save(progress, rank);
    savedStep = progress.step();
    savedNanos = System.nanoTime();
  }

  private TrainingResult stop() {
    if (progress.step() > savedStep) {
      save(Checkpoint.Rank.LATEST);
    }
    return result(Outcome.STOP_REQUESTED);
  }

  private TrainingResult result(Outcome outcome) {
    Optional<Path> best = Optional.of(folder.bestWeights()).filter(Files::exists);
    return new TrainingResult(
        outcome,
        progress.step(),
        schedule.totalSteps(),
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
      trainingStep.close();
      parameters.close();
    }
  }
}
