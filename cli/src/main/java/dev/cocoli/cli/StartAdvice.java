package dev.cocoli.cli;

import dev.cocoli.data.Dataset;
import dev.cocoli.train.TrainingRun;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What a user may have overlooked in a training that can be run as it is. */
final class StartAdvice {
  /** How many classes of a long list are named. */
  private static final int NAMED = 5;

  private StartAdvice() {}

  /**
   * Returns the advice for a new run, a line each.
   *
   * @param run the run
   * @param isFile whether the data is a file, which is a split by itself
   * @param wantsScore whether the run may have images to score on
   */
  static List<String> of(TrainingRun run, boolean isFile, boolean wantsScore) {
    List<String> lines = new ArrayList<>();
    if (run.weights().isEmpty()) {
      lines.add(
          "no --weights: training starts from random weights, which on photographs takes many times"
              + " the images and epochs; docs/faq.md says where to get others");
    }
    if (run.validationData().isEmpty() && wantsScore) {
      lines.add(
          "no images to score on, so there will be no AP and no best.safetensors: --val-split "
              + (isFile ? "FILE.json" : "NAME")
              + " names some, --val-split none is silent");
    }
    if (run.validationData().isEmpty() && run.config().evaluation().patience().isPresent()) {
      lines.add("--early-stop does nothing: there are no images to score on");
    }
    run.validationData()
        .map(validation -> sharedImages(run.trainData(), validation))
        .filter(shared -> shared > 0)
        .ifPresent(
            shared ->
                lines.add(
                    String.format(
                        Locale.ROOT,
                        "%,d of the %,d images that are scored on are trained on as well: AP will"
                            + " say little about other images",
                        shared,
                        run.validationData().orElseThrow().size())));
    if (run.validationData().filter(StartAdvice::hasNoObject).isPresent()) {
      lines.add("no object is marked on the images that are scored on, so there will be no AP");
    }
    List<String> unseen = classesWithoutObjects(run.trainData());
    if (!unseen.isEmpty()) {
      int more = unseen.size() - NAMED;
      lines.add(
          "no object that is trained on is of the class "
              + String.join(", ", unseen.subList(0, Math.min(NAMED, unseen.size())))
              + (more > 0 ? " and of " + more + " more" : ""));
    }
    return lines;
  }

  private static boolean hasNoObject(Dataset data) {
    return IntStream.range(0, data.size()).allMatch(i -> data.get(i).annotations().isEmpty());
  }

  private static List<String> classesWithoutObjects(Dataset data) {
    BitSet seen = new BitSet();
    for (int index = 0; index < data.size(); index++) {
      data.get(index).annotations().forEach(object -> seen.set(object.label()));
    }
    return IntStream.rangeClosed(1, data.classNames().size())
        .filter(label -> !seen.get(label))
        .mapToObj(label -> data.classNames().get(label - 1))
        .toList();
  }

  /** Returns how many images of the second data set are files of the first. */
  private static long sharedImages(Dataset training, Dataset validation) {
    Set<Path> trained = files(training).collect(Collectors.toSet());
    return files(validation).filter(trained::contains).count();
  }

  private static Stream<Path> files(Dataset data) {
    return IntStream.range(0, data.size())
        .mapToObj(index -> data.get(index).path().toAbsolutePath().normalize());
  }
}
