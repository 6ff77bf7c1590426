package dev.cocoli.cli;

import dev.cocoli.cli.options.ClassesOption;
import dev.cocoli.cli.options.DataOptions;
import dev.cocoli.cli.options.DeviceOption;
import dev.cocoli.cli.options.ModelOptions;
import dev.cocoli.cli.options.OptimizerOptions;
import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.options.ParallelOptions;
import dev.cocoli.cli.options.PrecisionOption;
import dev.cocoli.cli.options.ProposalsOption;
import dev.cocoli.cli.options.RunOptions;
import dev.cocoli.cli.options.StartOption;
import dev.cocoli.data.BrokenImagePolicy;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.LastBatch;
import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.StartingWeights;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Trains a detector. */
@Command(
    name = "train",
    description = {
      "Trains a detector on your images. Ctrl-C finishes the step, writes a checkpoint and says"
          + " how to go on; a second one quits at once."
    },
    customSynopsis = {
      "cocoli train --data DIR|FILE.json --model NAME --out RUN [options]",
      "       cocoli train --out RUN --resume"
    })
final class TrainCommand implements Callable<Integer> {
  private static final String NONE = "none";
  private static final String DEFAULT_SPLIT = "train";
  private static final String DEFAULT_VALIDATION = "val";

  @Mixin private DataOptions data;
  @Mixin private ClassesOption classes;

  @Option(
      names = "--split",
      paramLabel = "NAME",
      description =
          "What to train on. It is a list in ImageSets/Main, a folder, or as in"
              + " instances_NAME.json; a COCO file needs none. Default: train.")
  private String split;

  @Option(
      names = "--val-split",
      paramLabel = "NAME",
      description =
          "What to score on after every epoch, or none. With a COCO file as --data, another such"
              + " file. Without this option, a run of another --split than train is not scored."
              + " Default: val, if there is one.")
  private String validationSplit;

  @Option(
      names = "--val-images",
      paramLabel = "DIR",
      description =
          "The folder of the images that are scored on. Default: that of the layout, or --images.")
  private Path validationImages;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description =
          "The model, such as fasterrcnn_resnet18_fpn. Default: that of --weights, if they name it."
              + " All: ${COMPLETION-CANDIDATES}.",
      completionCandidates = ModelNames.class)
  private String model;

  @Mixin private ProposalsOption proposals;

  @Option(
      names = "--val-proposals",
      paramLabel = "FILE",
      description =
          "The same of the images that are scored on. Default: selective search finds them.")
  private Path validationProposals;

  @Mixin private StartOption weights;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      defaultValue = "12",
      description = "How often every image is trained on. Default: ${DEFAULT-VALUE}.")
  private int epochs;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "2",
      description = "Images per step, over all devices. Default: ${DEFAULT-VALUE}.")
  private int batch;

  @Mixin private OptimizerOptions optimizer;

  @Option(
      names = "--flip",
      paramLabel = "P",
      defaultValue = "0.5",
      description = "How likely an image is mirrored, 0 to 1. Default: ${DEFAULT-VALUE}.")
  private double flip;

  @Mixin private ModelOptions hyperparameters;
  @Mixin private PrecisionOption precision;

  @Option(
      names = "--norm",
      paramLabel = "frozen|batch",
      description =
          "The backbone's normalisations: fixed, or trained. Default: what the weights had; frozen"
              + " with other weights, batch without.")
  private String norm;

  @Mixin private DeviceOption device;
  @Mixin private ParallelOptions parallel;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Decides first weights, order, flips and samples. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--early-stop",
      paramLabel = "N",
      description = "Stop after N evaluations in a row without a better AP. Default: never.")
  private Integer earlyStop;

  @Option(
      names = "--broken-images",
      paramLabel = "skip|error",
      defaultValue = "skip",
      description =
          "What to do with an image that cannot be decoded: name it and go on without, or stop."
              + " Default: ${DEFAULT-VALUE}.")
  private BrokenImagePolicy brokenImages;

  @Option(
      names = "--last-batch",
      paramLabel = "drop|keep",
      defaultValue = "drop",
      description =
          "Images that do not fill the last batch of an epoch: wait for another epoch, or make a"
              + " smaller batch. Default: ${DEFAULT-VALUE}.")
  private LastBatch lastBatch;

  @Option(
      names = "--log-every",
      paramLabel = "N",
      defaultValue = "10",
      description = "Steps from one line of metrics.jsonl to the next. Default: ${DEFAULT-VALUE}.")
  private int logEvery;

  @Option(
      names = "--out",
      paramLabel = "RUN",
      description = "The folder of the run. It gets config, metrics, weights, state and plots.")
  private Path out;

  @Option(
      names = "--resume",
      description =
          "Go on with the run in --out. No other option is needed; one that is given again has to"
              + " agree, but --epochs may grow.")
  private boolean resume;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    Optional<RankEnvironment> processes = ParallelOptions.processes();
    PrintWriter out =
        processes.filter(ranks -> ranks.rank() > 0).isPresent()
            ? new PrintWriter(Writer.nullWriter()) // the first process says it for all
            : spec.commandLine().getOut();
    if (resume && this.out != null) {
      RunOptions.complete(this.spec.commandLine(), this.out);
    }
    if (!data.isGiven() || model == null && !weights.isGiven() || this.out == null) {
      throw usage("--data, --model and --out are needed, or --out and --resume", null);
    }
    TrainConfig config = config();
    weights.read();
    if (model == null) {
      model = weights.modelName();
    }
    ModelSpec any = model(List.of("any")); // its errors come before a large data set is read
    data.read(any.builder().fields());
    List<Device> where = device.chooseAll(out, processes);
    int replicas = where.size() * processes.map(RankEnvironment::size).orElse(1);
    ParallelOptions.requireShareable(config, replicas, this.spec);
    if (NONE.equals(validationSplit)) {
      data.useAllForTraining();
    }
    Optional<List<String>> ofWeights = weights.classNames(any, classes);
    Dataset training = openTraining(ofWeights, out);
    Optional<Dataset> validation =
        validationSplit().map(name -> openValidation(name, training, out));
    ModelSpec spec = model(training.classNames());
    TrainingRun run =
        TrainingRun.of(spec, training, config, this.out)
            .withDataOrigin(origin())
            .withOptions(RunOptions.of(this.spec.commandLine().getParseResult(), data.isFile()));
    if (validation.isPresent()) {
      run = run.withValidation(validation.get());
    }
    Optional<StartingWeights> start = weights.start(ofWeights);
    if (start.isPresent()) {
      run = run.withWeights(start.get());
    }
    if (!resume && processes.filter(ranks -> ranks.rank() > 0).isEmpty()) {
      OutputPaths.requireWritableFolder(this.out);
      StartAdvice.of(run, data.isFile(), !NONE.equals(validationSplit))
          .forEach(line -> out.println("note: " + line));
    }
    try (ProposalsOption regions = proposals;
        ProposalFile scored = openValidationProposals(spec)) {
      if (regions.isGiven()) {
        run = run.withProposals(regions.openFor(spec, training));
      }
      if (scored != null) {
        run = run.withValidationProposals(scored);
      }
      parallel.requireShareable(run, replicas);
      return new TrainingSession(
              run,
              where,
              processes,
              parallel.config(),
              RunOptions.goOn(this.out),
              out,
              this.spec.commandLine().getErr())
          .run(resume);
    }
  }

  private ProposalFile openValidationProposals(ModelSpec model) {
    if (validationProposals == null) {
      return null;
    }
    if (!model.needsProposals()) {
      throw usage("--val-proposals: a " + model.model() + " finds its regions itself", null);
    }
    return ProposalFile.read(validationProposals);
  }

  private TrainConfig config() {
    try {
      TrainConfig config =
          TrainConfig.DEFAULT
              .withEpochs(epochs)
              .withBatch(batch)
              .withSeed(seed)
              .withPrecision(precision.precision())
              .withLogEvery(logEvery)
              .withData(
                  data ->
                      data.withAugmentations(new HorizontalFlip(flip))
                          .withBrokenImages(brokenImages)
                          .withLastBatch(lastBatch));
      config = optimizer.apply(config);
      return earlyStop == null
          ? config
          : config.withEvaluation(evaluation -> evaluation.withPatience(earlyStop));
    } catch (IllegalArgumentException e) {
      throw usage("--" + e.getMessage(), e);
    }
  }

  private Optional<String> trainSplit() {
    return split == null && !data.isFile()
        ? Optional.of(DEFAULT_SPLIT)
        : Optional.ofNullable(split);
  }

  private Optional<String> validationSplit() {
    if (validationSplit != null) {
      return Optional.of(validationSplit).filter(name -> !name.equals(NONE));
    }
    boolean usual = trainSplit().equals(Optional.of(DEFAULT_SPLIT));
    return usual && data.hasSplit(DEFAULT_VALIDATION)
        ? Optional.of(DEFAULT_VALIDATION)
        : Optional.empty();
  }

  /**
   * Opens what is trained on, with the classes of the option unless they are those of the weights.
   * A list that has all classes of the data names both.
   */
  private Dataset openTraining(Optional<List<String>> ofWeights, PrintWriter out) {
    if (ofWeights.isEmpty()) {
      return data.open(trainSplit(), classes.fromFile().orElse(List.of()), "train", out);
    }
    Dataset found = data.open(trainSplit(), List.of(), "train", out);
    List<String> names = ofWeights.get();
    boolean both =
        !classes.isCoco()
            && names.containsAll(found.classNames())
            && !names.equals(found.classNames());
    return both
        ? data.open(trainSplit(), names, "train, with the classes of the weights", out)
        : found;
  }

  /** Opens what is scored on; its classes have to be among those that are trained. */
  private Dataset openValidation(String name, Dataset training, PrintWriter out) {
    return data.open(
        Optional.of(name),
        Optional.ofNullable(validationImages).or(data::images),
        training.classNames(),
        "validation",
        out);
  }

  private ModelSpec model(List<String> classNames) throws IOException {
    return hyperparameters.apply(weights.model(model, classNames, norm()));
  }

  private Optional<Norm.Type> norm() {
    return switch (norm) {
      case null -> Optional.empty();
      case "frozen" -> Optional.of(Norm.Type.FROZEN);
      case "batch" -> Optional.of(Norm.Type.BATCH);
      default -> throw usage("--norm is frozen or batch, not '" + norm + "'", null);
    };
  }

  private Map<String, String> origin() {
    Map<String, String> origin = new LinkedHashMap<>(data.origin());
    trainSplit().ifPresent(name -> origin.put("split", name));
    validationSplit().ifPresent(name -> origin.put("val_split", name));
    return origin;
  }

  private ParameterException usage(String text, Exception cause) {
    return new ParameterException(spec.commandLine(), text, cause);
  }
}
