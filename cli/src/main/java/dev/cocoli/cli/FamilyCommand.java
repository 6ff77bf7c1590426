package dev.cocoli.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.cli.options.DataOptions;
import dev.cocoli.cli.options.DeviceOption;
import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.options.WeightsOptions;
import dev.cocoli.cli.terminal.FamilyProgress;
import dev.cocoli.cli.terminal.ImagesBar;
import dev.cocoli.cli.terminal.SearchProgress;
import dev.cocoli.cli.terminal.StopOnInterrupt;
import dev.cocoli.cli.terminal.TrainingLines;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.Models;
import dev.cocoli.detection.PartTimes;
import dev.cocoli.files.OutputFile;
import dev.cocoli.nn.Norm;
import dev.cocoli.structures.Count;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingResult;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Trains the three detectors of the family on the same images, and compares them. */
@Command(
    name = "family",
    description = {
      "Trains R-CNN, Fast R-CNN and Faster R-CNN, and compares them. All have the same network and"
          + " images; the table has AP50, time of training, and seconds per image with their parts."
    },
    customSynopsis = {
      "${COMMAND-FULL-NAME} --data DIR|FILE.json --val-split NAME --out DIR [options]"
    })
final class FamilyCommand implements Callable<Integer> {
  /**
   * Seconds per image in the papers, with VGG-16 on their graphics cards: R-CNN and Fast R-CNN
   * without proposals (Girshick 2015, table 4 and section 1), Faster R-CNN with them (Ren et al.
   * 2015, table 5).
   */
  private static final List<Double> PAPER_SECONDS = List.of(47.0, 0.3, 0.2);

  @Mixin private DataOptions data;

  @Option(
      names = "--split",
      paramLabel = "NAME",
      defaultValue = "train",
      description = "The images to train on. Default: ${DEFAULT-VALUE}.")
  private String split;

  @Option(
      names = "--val-split",
      paramLabel = "NAME",
      defaultValue = "val",
      description = "The images to evaluate and measure the time on. Default: ${DEFAULT-VALUE}.")
  private String validationSplit;

  @Option(
      names = "--network",
      paramLabel = "NAME",
      defaultValue = "resnet18",
      description = "resnet18, 34, 50, 101 or vgg16. Default: ${DEFAULT-VALUE}.")
  private String network;

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description =
          "A torchvision classifier with this network, to start all three from. Default: none.")
  private Path weights;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      defaultValue = "12",
      description = "Of each detector. Default: ${DEFAULT-VALUE}.")
  private int epochs;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "2",
      description = "Images per step. Default: ${DEFAULT-VALUE}.")
  private int batch;

  @Option(
      names = "--lr",
      paramLabel = "X",
      description = "The learning rate. Default: 0.02 x batch / 16.")
  private Double learningRate;

  @Option(
      names = "--set",
      paramLabel = "NAME=VALUE",
      description = "Set a hyper-parameter of each detector that has it; again for more.")
  private Map<String, String> set = new LinkedHashMap<>();

  @Option(
      names = "--timed",
      paramLabel = "N",
      defaultValue = "20",
      description = "Images to measure the time of detection on. Default: ${DEFAULT-VALUE}.")
  private int timed;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of the runs. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Mixin private DeviceOption device;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "A folder, with one run folder per detector; runs that are there are resumed.")
  private Path out;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    PrintWriter notes = spec.commandLine().getOut();
    if (!data.isGiven()) {
      throw usage("which images? Give --data");
    }
    if (timed < 1) {
      throw usage("--timed is at least 1, not " + timed);
    }
    requireNetwork();
    TrainConfig config = config();
    Dataset training = data.open(Optional.of(split), List.of(), "train", notes);
    Dataset validation =
        data.open(Optional.of(validationSplit), training.classNames(), "validation", notes);
    List<ModelSpec> models = models(training.classNames());
    Device where = device.choose(notes);
    OutputPaths.requireWritableFolder(out);
    List<FamilyRow> rows = new ArrayList<>();
    try (Backend backend = Backends.open(where);
        ProposalFile regions = proposals(training, "proposals-train.bin", notes);
        ProposalFile scored = proposals(validation, "proposals-validation.bin", notes)) {
      for (ModelSpec model : models) {
        TrainingRun run =
            TrainingRun.of(model, training, config, out.resolve(model.model()))
                .withValidation(validation);
        if (model.needsProposals()) {
          run = run.withProposals(regions).withValidationProposals(scored);
        }
        if (weights != null) {
          run = run.withWeights(weights);
        }
        notes.printf("%n%s%n", model.model());
        Optional<FamilyRow> row = row(run, PAPER_SECONDS.get(rows.size()), backend, where, notes);
        if (row.isEmpty()) {
          return StopOnInterrupt.EXIT_CODE;
        }
        rows.add(row.get());
      }
    }
    summarize(rows, notes);
    return 0;
  }

  private void requireNetwork() {
    List<String> networks =
        Models.names().stream()
            .filter(name -> name.startsWith("rcnn_"))
            .map(name -> name.replaceFirst("rcnn_", ""))
            .toList();
    if (!networks.contains(network)) {
      throw usage("--network: '" + network + "' is none of " + String.join(", ", networks));
    }
  }

  private TrainConfig config() {
    try {
      TrainConfig config =
          TrainConfig.DEFAULT
              .withEpochs(epochs)
              .withBatch(batch)
              .withSeed(seed)
              .withEvaluation(evaluation -> evaluation.withEveryEpochs(epochs));
      return learningRate == null ? config : config.withLearningRate(learningRate);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--" + e.getMessage(), e);
    }
  }

  /** The three models, each with the hyper-parameters that it has. */
  private List<ModelSpec> models(List<String> classes) {
    String pyramid = "fasterrcnn_" + network + "_fpn";
    Norm.Type norm = weights == null ? Norm.Type.BATCH : Norm.Type.FROZEN;
    List<ModelSpec> models = new ArrayList<>();
    Set<String> used = new HashSet<>();
    for (String name :
        List.of(
            "rcnn_" + network,
            "fastrcnn_" + network,
            Models.names().contains(pyramid) ? pyramid : "fasterrcnn_" + network)) {
      ModelSpec model = WeightsOptions.named(name, classes, norm, spec);
      Map<String, String> own = new LinkedHashMap<>(set);
      own.keySet().retainAll(model.hyperparameters().keySet());
      used.addAll(own.keySet());
      try {
        models.add(model.with(own));
      } catch (IllegalArgumentException e) {
        throw new ParameterException(spec.commandLine(), e.getMessage(), e);
      }
    }
    Set<String> unknown = new HashSet<>(set.keySet());
    unknown.removeAll(used);
    if (!unknown.isEmpty()) {
      throw usage("--set " + String.join(", ", unknown) + ": none of the three has that");
    }
    return models;
  }

  /** The regions of a split, computed once and stored in a file. */
  private ProposalFile proposals(Dataset images, String name, PrintWriter notes) {
    Path file = out.resolve(name);
    if (!Files.exists(file)) {
      OutputPaths.createFolderOf(file);
      SelectiveSearchConfig search = SelectiveSearchConfig.fast();
      long began = System.nanoTime();
      try (ImagesBar bar = new ImagesBar("searching", images.size(), notes)) {
        ProposalFile.write(
            file,
            images,
            new SelectiveSearch(search),
            search.settings(),
            Runtime.getRuntime().availableProcessors(),
            new SearchProgress(bar, bar.above(spec.commandLine().getErr())));
      }
      notes.printf(
          Locale.ROOT,
          "regions of %s in %s: %.1f s%n",
          new Count(images.size(), "image"),
          file,
          (System.nanoTime() - began) / 1e9);
    }
    ProposalFile found = ProposalFile.read(file);
    found.requireFor(images);
    return found;
  }

  /** Trains a detector and measures its times; empty if the user stopped it. */
  private Optional<FamilyRow> row(
      TrainingRun run, double paperSeconds, Backend backend, Device where, PrintWriter notes)
      throws IOException {
    EvaluationReport[] score = {null};
    TrainingLines lines =
        new TrainingLines(run.config().logEvery() * 10, notes, spec.commandLine().getErr()) {
          @Override
          public void evaluated(EvaluationReport report) {
            super.evaluated(report);
            score[0] = report;
          }
        };
    FamilyProgress kept = FamilyProgress.read(run.out());
    if (kept.ap50().isEmpty()) {
      Trainer trainer = new Trainer(run, backend, lines);
      try (StopOnInterrupt _ =
          new StopOnInterrupt(trainer::requestStop, spec.commandLine().getErr())) {
        kept = train(run, trainer, score, kept);
        kept.write(run.out());
        if (kept.ap50().isEmpty()) {
          notes.println("stopped; the same command resumes");
          return Optional.empty();
        }
      }
    }
    Path best = run.out().resolve("best.safetensors");
    try (Detector detector = Detector.open(best, where)) {
      PartTimes times = time(detector, run.validationData().orElseThrow());
      return Optional.of(
          new FamilyRow(
              run.model().model(),
              paperSeconds,
              kept.ap50().getAsDouble(),
              kept.trainingSeconds(),
              times));
    }
  }

  private FamilyProgress train(
      TrainingRun run, Trainer trainer, EvaluationReport[] score, FamilyProgress before)
      throws IOException {
    long began = System.nanoTime();
    TrainingResult result =
        Files.exists(run.out().resolve("config.json")) ? trainer.resume() : trainer.start();
    TrainingSession.drawPlots(run.out(), spec.commandLine().getErr());
    double scoring = score[0] == null ? 0 : score[0].seconds();
    double seconds = (System.nanoTime() - began) / 1e9 - scoring;
    return result.outcome() == TrainingResult.Outcome.STOP_REQUESTED
        ? before.after(seconds)
        : before.after(seconds).withAp50(score[0].metrics().ap50());
  }

  /** Measures the time of detection, including the search for regions, without decoding. */
  private PartTimes time(Detector detector, Dataset images) {
    PartTimes warm = new PartTimes();
    PartTimes times = new PartTimes();
    for (int i = 0; i <= Math.min(timed, images.size()); i++) {
      int index = Math.max(0, i - 1); // the first one twice
      AnnotatedImage annotated = images.get(index);
      PartTimes counted = i == 0 ? warm : times;
      try (Image image = images.image(index)) {
        counted.begin();
        detector.detect(annotated, image, counted);
      }
    }
    return times;
  }

  private void summarize(List<FamilyRow> rows, PrintWriter notes) throws IOException {
    notes.printf("%n%s%n", FamilyRow.HEADER);
    rows.forEach(row -> notes.println(row.line()));
    notes.printf(
        "paper: seconds per image with VGG-16 on a GPU; those of R-CNN and Fast R-CNN"
            + " without proposals%n");
    double newest = rows.getLast().times().seconds();
    for (FamilyRow row : rows.subList(0, rows.size() - 1)) {
      notes.printf(
          Locale.ROOT,
          "an image takes %s %.1f times as long as %s%n",
          row.model(),
          row.times().seconds() / newest,
          rows.getLast().model());
    }
    Path json = out.resolve("family.json");
    byte[] table =
        new ObjectMapper()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .writeValueAsBytes(rows.stream().map(FamilyRow::json).toList());
    OutputFile.write(json, table);
    notes.println("table: " + json);
  }

  private ParameterException usage(String text) {
    return new ParameterException(spec.commandLine(), text);
  }
}
