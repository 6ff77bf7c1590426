package dev.cocoli.cli;

import dev.cocoli.cli.options.DataOptions;
import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.terminal.ImagesBar;
import dev.cocoli.cli.terminal.SearchProgress;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.data.proposals.SelectiveSearchMode;
import dev.cocoli.eval.ProposalRecall;
import dev.cocoli.structures.Count;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Computes the regions of a data set once, for R-CNN and Fast R-CNN. */
@Command(
    name = "proposals",
    description = {
      "Finds regions that may hold an object, by selective search. Writes those of each image of a"
          + " data set to a file, and prints how many of the annotated objects they cover. An image"
          + " that cannot be decoded is reported, and has no regions."
    },
    customSynopsis = {
      "${COMMAND-FULL-NAME} --data DIR|FILE.json [--split NAME] --out FILE",
      "                        [--mode fast|quality] [--max N] [--threads N]"
    })
final class ProposalsCommand implements Callable<Integer> {
  @Mixin private DataOptions data;

  @Option(
      names = "--split",
      paramLabel = "NAME",
      description =
          "VOC: a list in ImageSets/Main. COCO: as in instances_NAME.json; a file needs none.")
  private String split;

  @Option(names = "--out", paramLabel = "FILE", required = true, description = "Where to write.")
  private Path out;

  @Option(
      names = "--mode",
      paramLabel = "fast|quality",
      defaultValue = "fast",
      description =
          "Combine 8 groupings (fast), or 80 (quality), which finds more and takes a few times as"
              + " long. Default: ${DEFAULT-VALUE}.")
  private SelectiveSearchMode mode;

  @Option(
      names = "--max",
      paramLabel = "N",
      defaultValue = "" + SelectiveSearchConfig.DEFAULT_MAX_PROPOSALS,
      description = "The most regions per image. Default: ${DEFAULT-VALUE}.")
  private int max;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "How many images to work on at once. Default: the processors there are.")
  private Integer threads;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if (!data.isGiven()) {
      throw usage("which images? Give --data");
    }
    if (max < 1) {
      throw usage("--max is at least 1, not " + max);
    }
    if (threads != null && threads < 1) {
      throw usage("--threads is at least 1, not " + threads);
    }
    OutputPaths.requireWritableFile(out, data.files(Optional.ofNullable(split)));
    PrintWriter notes = spec.commandLine().getOut();
    Dataset images = data.open(Optional.ofNullable(split), List.of(), "data", notes);
    SelectiveSearchConfig config = SelectiveSearchConfig.of(mode).withMaxProposals(max);
    long began = System.nanoTime();
    ProposalRecall recall = write(images, config);
    summarize(recall, (System.nanoTime() - began) / 1e9, notes);
    return 0;
  }

  private ProposalRecall write(Dataset images, SelectiveSearchConfig config) {
    int workers = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    OutputPaths.createFolderOf(out);
    try (ImagesBar bar = new ImagesBar("searching", images.size(), spec.commandLine().getOut())) {
      SearchProgress progress = new SearchProgress(bar, bar.above(spec.commandLine().getErr()));
      ProposalFile.write(
          out, images, new SelectiveSearch(config), config.settings(), workers, progress);
      return progress.recall();
    }
  }

  private void summarize(ProposalRecall recall, double seconds, PrintWriter notes)
      throws IOException {
    notes.printf(
        Locale.ROOT,
        "%s, %s, %,.1f MB in %s; %,.0f s%n",
        new Count(recall.images(), "image"),
        new Count(recall.proposals(), "region"),
        Files.size(out) / 1e6,
        out,
        seconds);
    if (recall.objects() > 0) {
      notes.printf(
          Locale.ROOT,
          "%,d of %,d objects have a region of IoU 0.5 or more (recall %.3f); mean best overlap"
              + " %.3f%n",
          recall.found(0.5),
          recall.objects(),
          recall.recall(0.5),
          recall.meanBestOverlap());
    }
  }

  private ParameterException usage(String text) {
    return new ParameterException(spec.commandLine(), text);
  }
}
