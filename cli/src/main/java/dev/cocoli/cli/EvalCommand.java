package dev.cocoli.cli;

import dev.cocoli.Detector;
import dev.cocoli.cli.options.BatchOption;
import dev.cocoli.cli.options.DataOptions;
import dev.cocoli.cli.options.DeviceOption;
import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.options.PrecisionOption;
import dev.cocoli.cli.options.ProposalsOption;
import dev.cocoli.cli.options.RunOptions;
import dev.cocoli.cli.options.UnusedOptions;
import dev.cocoli.cli.options.WeightsOptions;
import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.cli.terminal.ImagesBar;
import dev.cocoli.cli.terminal.MetricsText;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.eval.CocoFiles;
import dev.cocoli.eval.CocoMatching;
import dev.cocoli.eval.CocoMetrics;
import dev.cocoli.eval.CocoResultsWriter;
import dev.cocoli.structures.Count;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.train.Evaluation;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Evaluates a detector on a data set, or a file of detections. */
@Command(
    name = "eval",
    description = {
      "Evaluates a detector, or a file of detections. The detector is run on a split of a data"
          + " set, the file is compared with one of ground truth: COCO's twelve metrics, and AP per"
          + " class."
    },
    customSynopsis = {
      "${COMMAND-FULL-NAME} --weights FILE --data DIR|FILE.json --split NAME [--json FILE]"
          + " [options]",
      "       ${COMMAND-FULL-NAME} --ground-truth COCO.json --detections RESULTS.json [--json FILE]"
    })
final class EvalCommand implements Callable<Integer> {
  /** The options that mean something to files of detections. */
  private static final Set<String> OF_FILES =
      Set.of("--ground-truth", "--detections", "--match", "--json", RunOptions.DEBUG);

  @Mixin private WeightsOptions weights;
  @Mixin private PrecisionOption precision;
  @Mixin private DataOptions data;

  @Option(
      names = "--split",
      paramLabel = "NAME",
      description =
          "VOC: a list in ImageSets/Main. COCO: as in instances_NAME.json; a file needs none.")
  private String split;

  @Mixin private ProposalsOption proposals;
  @Mixin private DeviceOption device;
  @Mixin private BatchOption batch;

  @Option(
      names = "--ground-truth",
      paramLabel = "COCO.json",
      description = "A COCO annotation file.")
  private Path groundTruth;

  @Option(
      names = "--detections",
      paramLabel = "RESULTS.json",
      description = "Detections in COCO's results format, as detect --json writes them.")
  private Path detections;

  @Option(
      names = "--match",
      paramLabel = "BY",
      defaultValue = "checked",
      description =
          "How images of --detections are found: checked (by image_id, and an error where file_name"
              + " is another image's), image-id or file-name. Default: ${DEFAULT-VALUE}.")
  private String match;

  @Option(
      names = "--detections-out",
      paramLabel = "FILE",
      description = "Write what was scored as COCO results, with the data's ids. Default: none.")
  private Path detectionsOut;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the metrics to a file, by pycocotools' names.")
  private Path json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    boolean files = groundTruth != null || detections != null;
    boolean model = weights.file().isPresent() || data.isGiven();
    if (files == model) {
      throw usage("give either --weights and --data, or --ground-truth and --detections");
    }
    if (files && (groundTruth == null || detections == null)) {
      throw usage("--ground-truth and --detections belong together");
    }
    if (model && (weights.file().isEmpty() || !data.isGiven())) {
      throw usage("--weights and --data belong together");
    }
    if (files) {
      UnusedOptions.refuse(spec, name -> !OF_FILES.contains(name), "--weights and --data");
    } else {
      UnusedOptions.refuse(spec, "--match"::equals, "--ground-truth and --detections");
    }
    for (Path output : outputs()) {
      OutputPaths.requireWritableFile(output, inputs());
    }
    CocoMetrics metrics =
        files ? CocoFiles.evaluate(groundTruth, detections, matching()) : evaluate();
    MetricsText.print(metrics, notes());
    if (json != null) {
      OutputPaths.createFolderOf(json);
      try {
        MetricsText.write(metrics, json);
      } catch (IOException e) {
        throw OutputPaths.notWritten(json, e);
      }
    }
    return 0;
  }

  private CocoMatching matching() {
    return switch (match) {
      case "checked" -> CocoMatching.CHECKED;
      case "image-id" -> CocoMatching.IMAGE_ID;
      case "file-name" -> CocoMatching.FILE_NAME;
      default -> throw usage("--match is checked, image-id or file-name, not '" + match + "'");
    };
  }

  private PrintWriter notes() {
    return OutputPaths.notes(spec.commandLine(), outputs().stream());
  }

  private List<Path> outputs() {
    return Stream.of(json, detectionsOut).filter(Objects::nonNull).toList();
  }

  private List<Path> inputs() {
    List<Path> inputs = new ArrayList<>();
    weights.file().ifPresent(inputs::add);
    data.files(Optional.ofNullable(split)).forEach(inputs::add);
    Stream.of(groundTruth, detections).filter(Objects::nonNull).forEach(inputs::add);
    return inputs;
  }

  private CocoMetrics evaluate() throws IOException {
    int together = batch.images();
    Precision computed = precision.precision();
    PrintWriter out = notes();
    ModelSpec model = weights.model(Map.of());
    Device where = device.choose(out);
    Dataset images = open(model, out);
    ModelSpec named = model.withClassNames(images.classNames());
    try (ProposalsOption regions = proposals;
        Detector detector = weights.open(named, where, computed);
        ImagesBar bar = new ImagesBar("evaluating", images.size(), out)) {
      PrintWriter warnings = bar.above(spec.commandLine().getErr());
      Optional<ProposalSource> source =
          regions.isGiven() ? Optional.of(regions.openFor(model, images)) : Optional.empty();
      Evaluation evaluation =
          new Evaluation(
              images,
              DataLoaderConfig.of(together),
              source,
              warning -> warnings.println("cocoli: " + warning));
      if (detectionsOut == null) {
        return evaluation.run(detector, (image, found) -> bar.step());
      }
      DetectedImages.Categories categories =
          DetectedImages.of(images).categories(model, weights.hasNamelessClasses());
      categories.note(detectionsOut, out);
      OutputPaths.createFolderOf(detectionsOut);
      try (CocoResultsWriter results =
          new CocoResultsWriter(detectionsOut, categories.all(), model.builder().fields())) {
        CocoMetrics metrics =
            evaluation.run(
                detector,
                (image, found) -> {
                  write(results, image, categories.known(found));
                  bar.step();
                });
        results.finish();
        return metrics;
      } catch (IOException | UncheckedIOException e) {
        throw OutputPaths.notWritten(
            detectionsOut, e instanceof UncheckedIOException u ? u.getCause() : (IOException) e);
      }
    }
  }

  private static void write(
      CocoResultsWriter results, AnnotatedImage image, List<Detection> found) {
    try {
      results.write(image.imageId(), image.fileName(), found);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Opens the data with the detector's classes; throws if the data has other classes. */
  private Dataset open(ModelSpec model, PrintWriter out) {
    Optional<String> name = Optional.ofNullable(split);
    List<String> classes = model.classNames();
    Dataset found = data.open(name, List.of(), "data", out);
    if (found.classNames().equals(classes)) {
      return found;
    }
    if (weights.hasNamelessClasses() && found.classNames().size() == classes.size()) {
      return found;
    }
    if (!weights.hasNamelessClasses() && classes.containsAll(found.classNames())) {
      return data.open(name, classes, "data, with the classes of the weights", out);
    }
    throw new CommandException(
        "%s has %s (%s), but the data has %d (%s); they must be the same"
            .formatted(
                weights.file().orElseThrow(),
                new Count(classes.size(), "class"),
                String.join(", ", classes),
                found.classNames().size(),
                String.join(", ", found.classNames())));
  }

  private ParameterException usage(String text) {
    return new ParameterException(spec.commandLine(), text);
  }
}
