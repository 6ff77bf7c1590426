package dev.cocoli.cli;

import dev.cocoli.Detector;
import dev.cocoli.DetectorOptions;
import dev.cocoli.cli.options.DataOptions;
import dev.cocoli.cli.options.DeviceOption;
import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.options.ProposalsOption;
import dev.cocoli.cli.options.WeightsOptions;
import dev.cocoli.cli.terminal.ErrorMessages;
import dev.cocoli.cli.terminal.ImagesBar;
import dev.cocoli.cli.terminal.Terminal;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.PartListener;
import dev.cocoli.eval.CocoCategory;
import dev.cocoli.eval.CocoResultsWriter;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
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
      "Detects objects in images. Prints a line per object, unless --json or --out say where to"
          + " write them. An image that cannot be decoded is reported, and the others are"
          + " processed."
    },
    customSynopsis = {
      "cocoli detect --weights FILE [options] IMAGE|DIR...",
      "       cocoli detect --weights FILE --data DIR|FILE.json [--split NAME] [options]"
    })
final class DetectCommand implements Callable<Integer> {
  /**
   * The least score of what is printed and drawn without {@code --score}; files contain all that
   * the model returns.
   */
  private static final float SHOWN_SCORE = DetectorOptions.DEFAULT.scoreThreshold();

  @Mixin private WeightsOptions weights;

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

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description =
          "Write COCO results: image_id, category_id, bbox (x, y, width, height), score; and"
              + " file_name and category. Ids are those of --data, or counted: images from 0,"
              + " categories from 1.")
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

  private int failures;
  private int objects;

  @Override
  public Integer call() throws IOException {
    if (paths.isEmpty() != data.isGiven()) {
      throw new ParameterException(
          spec.commandLine(), "which images? Give IMAGEs, or folders of them, or --data");
    }
    boolean lines = json == null && out == null;
    PrintWriter notes = lines ? spec.commandLine().getErr() : spec.commandLine().getOut();
    if (score != null && !(Double.isFinite(score) && score <= 1)) {
      throw new ParameterException(spec.commandLine(), "--score is at most 1, not " + score);
    }
    ModelSpec model =
        weights.model(score == null ? Map.of() : Map.of("box_score_thresh", score.toString()));
    DetectedImages images =
        data.isGiven()
            ? DetectedImages.of(data.open(Optional.ofNullable(split), List.of(), "data", notes))
            : DetectedImages.of(ImageFiles.of(paths));
    List<CocoCategory> categories = images.categories(model, weights.hasNamelessClasses());
    List<Path> inputs = new ArrayList<>(images.paths());
    inputs.addAll(data.files(Optional.ofNullable(split)));
    weights.file().ifPresent(inputs::add);
    DrawnImages drawn = null;
    if (out != null) {
      OutputPaths.requireWritableFolder(out);
      drawn = new DrawnImages(out, images.paths(), model.classNames());
      drawn
          .whyNoLabels()
          .ifPresent(
              why ->
                  spec.commandLine()
                      .getErr()
                      .println("cocoli: the boxes in " + out + " have no labels: " + why));
    }
    if (json != null) {
      OutputPaths.requireWritableFile(json, inputs);
    }
    Device where = device.choose(notes);
    try (ProposalsOption regions = proposals;
        Detector opened = weights.open(model, where)) {
      Detector detector = regions.open(model).map(opened::withProposals).orElse(opened);
      if (json == null) {
        detectAll(detector, images, null, drawn, notes);
      } else {
        OutputPaths.createFolderOf(json);
        try (CocoResultsWriter results =
            new CocoResultsWriter(json, categories, model.builder().fields())) {
          detectAll(detector, images, results, drawn, notes);
          results.finish();
        } catch (IOException e) {
          throw OutputPaths.notWritten(json, e);
        }
      }
    }
    if (!lines) {
      summarize(images.size() - failures, notes);
    }
    return failures == 0 ? 0 : 1;
  }

  private void detectAll(
      Detector detector,
      DetectedImages images,
      CocoResultsWriter results,
      DrawnImages drawn,
      PrintWriter notes)
      throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter screen = Terminal.isInteractive() ? out : notes;
    try (ImagesBar bar = new ImagesBar("detecting", images.size(), screen)) {
      PrintWriter lines = bar.above(out);
      PrintWriter err = bar.above(spec.commandLine().getErr());
      for (int i = 0; i < images.size(); i++) {
        Path path = images.paths().get(i);
        try (Image image = images.decode(i)) {
          AnnotatedImage known = images.known(i, image);
          List<Detection> found = detector.detect(known, image, PartListener.NONE);
          objects += (results == null ? shown(found) : found).size();
          if (results != null) {
            results.write(known.imageId(), known.fileName(), found);
          }
          if (drawn != null) {
            drawn.write(i, image, shown(found));
          }
          if (results == null && drawn == null) {
            shown(found).forEach(one -> print(path, detector, one, lines));
          }
        } catch (ImageDecodeException e) {
          failures++;
          err.println("cocoli: " + ErrorMessages.of(e));
        }
        bar.step();
      }
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

  private void summarize(int done, PrintWriter notes) {
    notes.printf(
        "%,d image%s, %,d object%s%s%s%n",
        done,
        done == 1 ? "" : "s",
        objects,
        objects == 1 ? "" : "s",
        json == null ? "" : "; results in " + json,
        out == null ? "" : "; images in " + out);
  }
}
