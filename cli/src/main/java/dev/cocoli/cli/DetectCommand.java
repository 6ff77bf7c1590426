package dev.cocoli.cli;

import dev.cocoli.Detector;
import dev.cocoli.DetectorOptions;
import dev.cocoli.cli.ImagesAhead.Decoded;
import dev.cocoli.cli.options.BatchOption;
import dev.cocoli.cli.options.DataOptions;
import dev.cocoli.cli.options.DeviceOption;
import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.options.PrecisionOption;
import dev.cocoli.cli.options.ProposalsOption;
import dev.cocoli.cli.options.UnusedOptions;
import dev.cocoli.cli.options.WeightsOptions;
import dev.cocoli.cli.terminal.ErrorMessages;
import dev.cocoli.cli.terminal.ImagesBar;
import dev.cocoli.cli.terminal.Terminal;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.proposals.CheckedProposals;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.PartListener;
import dev.cocoli.eval.CocoResultsWriter;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Count;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Detects objects in images. */
@Command(
    name = "detect",
    description = {
      "Detects objects in images. Prints a line per object (file, class, score, x1, y1, x2, y2),"
          + " unless --json or --out say where to write them. An image that cannot be decoded is"
          + " reported, and the others are processed."
    },
    customSynopsis = {
      "${COMMAND-FULL-NAME} --weights FILE [options] IMAGE|DIR...",
      "       ${COMMAND-FULL-NAME} --weights FILE --data DIR|FILE.json [--split NAME] [options]"
    })
final class DetectCommand implements Callable<Integer> {
  /**
   * The least score of what is printed and drawn without {@code --score}; files contain all that
   * the model returns.
   */
  private static final float SHOWN_SCORE = DetectorOptions.DEFAULT.scoreThreshold();

  /** What a user may try if nothing scores more; what most models return. */
  private static final double LOW_SCORE = 0.05;

  /** Threads that decode for a GPU, which is done with an image sooner than one of them. */
  private static final int DECODERS_OF_GPU = 4;

  /** The options that mean nothing without a data set. */
  private static final Set<String> OF_DATA =
      Set.of("--split", "--images", "--format", "--annotations", "--boxes", "--val-fraction");

  @Mixin private WeightsOptions weights;
  @Mixin private PrecisionOption precision;

  @Option(
      names = "--score",
      paramLabel = "X",
      description =
          "Report objects that score more than X. Default: 0.5 for what is printed and drawn; in"
              + " --json the model's, usually 0.05.")
  private Double score;

  @Mixin private DataOptions data;

  @Option(
      names = "--split",
      paramLabel = "NAME",
      description = "The split of --data. Default: all of a file; a folder needs one.")
  private String split;

  @Mixin private ProposalsOption proposals;
  @Mixin private DeviceOption device;
  @Mixin private BatchOption batch;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description =
          "Write COCO results: image_id, category_id, bbox (x, y, width, height), score; and"
              + " file_name and category. Ids are those of --data, or counted: images from 0,"
              + " categories from 1. /dev/stdout is for a pipe.")
  private Path json;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Draw the boxes on each image, and write it there as PNG.")
  private Path out;

  @Parameters(
      paramLabel = "IMAGE|DIR",
      arity = "0..*",
      description = "JPEG, PNG, BMP, GIF or TIFF files, or folders of them.")
  private List<Path> paths = List.of();

  @Spec private CommandSpec spec;

  private DetectedImages.Categories categories;
  private int failures;
  private int objects;

  @Override
  public Integer call() throws IOException {
    if (paths.isEmpty() != data.isGiven()) {
      throw new ParameterException(
          spec.commandLine(),
          paths.isEmpty()
              ? "which images? Give IMAGEs, or folders of them, or --data"
              : "give IMAGEs or --data, not both");
    }
    if (!data.isGiven()) {
      UnusedOptions.refuse(spec, OF_DATA::contains, "--data");
    }
    if (json != null && out != null && absolute(out).startsWith(absolute(json))) {
      throw new ParameterException(
          spec.commandLine(), "--json " + json + " is a file, and --out " + out + " a folder");
    }
    boolean lines = json == null && out == null;
    PrintWriter notes =
        lines
            ? spec.commandLine().getErr()
            : OutputPaths.notes(spec.commandLine(), Stream.ofNullable(json));
    if (score != null && !(Double.isFinite(score) && score <= 1)) {
      throw new ParameterException(spec.commandLine(), "--score is at most 1, not " + score);
    }
    ModelSpec model =
        weights.model(score == null ? Map.of() : Map.of("box_score_thresh", score.toString()));
    DetectedImages images =
        data.isGiven()
            ? DetectedImages.of(data.open(Optional.ofNullable(split), List.of(), "data", notes))
            : DetectedImages.of(ImageFiles.of(paths));
    categories = images.categories(model, weights.hasNamelessClasses());
    List<Path> inputs = new ArrayList<>(images.paths());
    inputs.addAll(data.files(Optional.ofNullable(split)));
    weights.file().ifPresent(inputs::add);
    int together = batch.images();
    Precision computed = precision.precision();
    DrawnImages drawn = out == null ? null : drawn(images, model);
    if (json != null) {
      OutputPaths.requireWritableFile(json, inputs);
    }
    Device where = device.choose(notes);
    // decoding begins before the weights are read
    try (drawn;
        ProposalsOption regions = proposals;
        ImagesAhead ahead = ahead(images, source(regions, model), where, together);
        Detector detector = weights.open(model, where, computed)) {
      if (json == null) {
        detectAll(detector, ahead, images, null, drawn, notes);
      } else {
        categories.note(json, notes);
        OutputPaths.createFolderOf(json);
        try (CocoResultsWriter results =
            new CocoResultsWriter(json, categories.all(), model.builder().fields())) {
          detectAll(detector, ahead, images, results, drawn, notes);
          results.finish();
        } catch (IOException e) {
          throw OutputPaths.notWritten(json, e);
        }
      }
    }
    if (!lines) {
      summarize(images.size() - failures, notes);
    }
    if (objects == 0 && failures < images.size()) {
      suggestLowerScore(model, notes);
    }
    return failures == 0 ? 0 : 1;
  }

  private static Path absolute(Path path) {
    return path.toAbsolutePath().normalize();
  }

  private DrawnImages drawn(DetectedImages images, ModelSpec model) {
    OutputPaths.requireWritableFolder(out);
    DrawnImages drawn = new DrawnImages(out, images.paths(), model.classNames());
    drawn
        .whyNoLabels()
        .ifPresent(
            why ->
                spec.commandLine()
                    .getErr()
                    .println("cocoli: the boxes in " + out + " have no labels: " + why));
    return drawn;
  }

  private static ProposalSource source(ProposalsOption regions, ModelSpec model) {
    Optional<ProposalSource> given = regions.open(model);
    return model.needsProposals() ? CheckedProposals.orSelectiveSearch(given) : ProposalSource.NONE;
  }

  private static ImagesAhead ahead(
      DetectedImages images, ProposalSource regions, Device where, int together) {
    int threads =
        where.kind().equals(Device.Kind.CPU)
            ? 1
            : Math.min(DECODERS_OF_GPU, Runtime.getRuntime().availableProcessors());
    return new ImagesAhead(images, regions, Math.max(together, 2 * threads), threads);
  }

  private void detectAll(
      Detector detector,
      ImagesAhead ahead,
      DetectedImages images,
      CocoResultsWriter results,
      DrawnImages drawn,
      PrintWriter notes)
      throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter screen = Terminal.isInteractive() ? out : notes;
    List<Decoded> together = new ArrayList<>();
    try (ImagesBar bar = new ImagesBar("detecting", images.size(), screen)) {
      PrintWriter lines = bar.above(out);
      PrintWriter err = bar.above(spec.commandLine().getErr());
      while (ahead.hasNext()) {
        try {
          together.add(ahead.next());
        } catch (ImageDecodeException e) {
          failures++;
          err.println("cocoli: " + ErrorMessages.of(e));
          bar.step();
        }
        if (together.size() == batch.images() || !ahead.hasNext()) {
          List<List<Detection>> found = detect(detector, together);
          for (int i = 0; i < together.size(); i++) {
            report(detector, together.get(i), found.get(i), results, drawn, lines);
            bar.step();
          }
          together.forEach(Decoded::close);
          together.clear();
          if (results == null && drawn == null && out.checkError()) {
            break; // nobody reads the lines any more
          }
        }
      }
      if (drawn != null) {
        drawn.finish();
      }
    } finally {
      together.forEach(Decoded::close);
    }
  }

  private static List<List<Detection>> detect(Detector detector, List<Decoded> together) {
    List<Image> images = together.stream().map(Decoded::image).toList();
    List<List<Box>> regions = together.stream().map(Decoded::regions).toList();
    return detector.detect(images, regions, PartListener.NONE);
  }

  private void report(
      Detector detector,
      Decoded decoded,
      List<Detection> found,
      CocoResultsWriter results,
      DrawnImages drawn,
      PrintWriter lines)
      throws IOException {
    List<Detection> written = results == null ? shown(found) : categories.known(found);
    objects += written.size();
    if (results != null) {
      results.write(decoded.known().imageId(), decoded.known().fileName(), written);
    }
    if (drawn != null) {
      drawn.write(decoded.index(), decoded.image(), shown(found));
    }
    if (results == null && drawn == null) {
      Path path = decoded.known().path();
      shown(found).forEach(one -> print(path, detector, one, lines));
    }
  }

  private List<Detection> shown(List<Detection> found) {
    return score != null
        ? found
        : found.stream().filter(detection -> detection.score() > SHOWN_SCORE).toList();
  }

  private static void print(Path path, Detector detector, Detection found, PrintWriter lines) {
    lines.printf(
        Locale.ROOT,
        "%s  %-16s %.3f  %8.1f %8.1f %8.1f %8.1f%n",
        path,
        detector.className(found),
        found.score(),
        found.box().x1(),
        found.box().y1(),
        found.box().x2(),
        found.box().y2());
  }

  /** Without it, a user of weights that are not sure of anything would see nothing at all. */
  private void suggestLowerScore(ModelSpec model, PrintWriter notes) {
    float usual = json == null ? SHOWN_SCORE : model.config().boxHead().scoreThresh();
    String least = score == null ? Float.toString(usual) : score.toString();
    boolean canBeLower = Double.parseDouble(least) > LOW_SCORE;
    notes.println(
        "note: no object scores more than "
            + least
            + (canBeLower ? "; --score " + LOW_SCORE + " shows what is less sure" : ""));
  }

  private void summarize(int done, PrintWriter notes) {
    notes.printf(
        "%s, %s%s%s%n",
        new Count(done, "image"),
        new Count(objects, "object"),
        json == null ? "" : "; results in " + json,
        out == null ? "" : "; images in " + out);
  }
}
