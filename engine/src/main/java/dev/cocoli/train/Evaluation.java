package dev.cocoli.train;

import dev.cocoli.Detector;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.proposals.CheckedProposals;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.detection.PartListener;
import dev.cocoli.eval.CocoCategory;
import dev.cocoli.eval.CocoEvaluator;
import dev.cocoli.eval.CocoMetrics;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Runs a detector over a data set and scores what it finds by COCO's numbers. A class has the id of
 * the data set's files there, and an object that VOC calls difficult counts like any other, because
 * COCO knows no such thing.
 */
public final class Evaluation {
  private final Dataset data;
  private final DataLoaderConfig loading;
  private final Optional<ProposalSource> proposals;
  private final Consumer<String> warnings;

  /**
   * Prepares an evaluation.
   *
   * @param data images to score on
   * @param loading how many images go through the network together, threads, broken images
   * @param proposals where the regions come from for a detector that does not find them itself;
   *     without one, selective search in its fast mode
   * @param warnings told of each image that was left out because it cannot be decoded
   */
  public Evaluation(
      Dataset data,
      DataLoaderConfig loading,
      Optional<ProposalSource> proposals,
      Consumer<String> warnings) {
    this.data = data;
    this.loading = loading;
    this.proposals = proposals;
    this.warnings = warnings;
  }

  /**
   * Scores a detector, by all detections that its model reports, whatever its score threshold: AP
   * is the mean over all thresholds.
   *
   * @param detector the detector; its classes are those of the data
   * @param listener receives each image and its detections, in its pixels, the best first
   * @return COCO's numbers
   * @throws TrainingException if detector and data have other classes
   */
  public CocoMetrics run(Detector detector, BiConsumer<AnnotatedImage, List<Detection>> listener) {
    CocoEvaluator evaluator = new CocoEvaluator(categories(data));
    BiConsumer<AnnotatedImage, List<Detection>> scorer =
        (image, found) -> {
          add(evaluator, image, found);
          listener.accept(image, found);
        };
    detect(detector, scorer, () -> false);
    return evaluator.evaluate();
  }

  /** The classes of a data set; one that its files do not have gets an id after theirs. */
  private static List<CocoCategory> categories(Dataset data) {
    int count = data.classNames().size();
    int largest =
        IntStream.rangeClosed(1, count)
            .flatMap(label -> data.categoryId(label).stream())
            .max()
            .orElse(0);
    return IntStream.rangeClosed(1, count)
        .mapToObj(
            label ->
                new CocoCategory(
                    data.categoryId(label).orElse(largest + label),
                    data.classNames().get(label - 1)))
        .toList();
  }

  /**
   * Runs a detector over the images, or this replica's share of them, with all detections that its
   * model reports; false if it was cancelled.
   *
   * @param detector the detector
   * @param listener receives each image and its detections, in its pixels, the best first
   * @param isCancelled asked before each batch
   * @return whether all images were done
   */
  public boolean detect(
      Detector detector,
      BiConsumer<AnnotatedImage, List<Detection>> listener,
      BooleanSupplier isCancelled) {
    ClassCheck.requireSame(
        "the detector", detector.spec().classNames(), "the data", data.classNames());
    ProposalSource regions =
        detector.spec().needsProposals()
            ? CheckedProposals.orSelectiveSearch(proposals)
            : ProposalSource.NONE;
    try (DataLoader loader = new DataLoader(data, loading, regions, warnings);
        Epoch batches = loader.inOrder()) {
      while (batches.hasNext()) {
        if (isCancelled.getAsBoolean()) {
          return false;
        }
        detect(detector, batches.next(), listener);
      }
    }
    return true;
  }

  private static void detect(
      Detector detector, Batch batch, BiConsumer<AnnotatedImage, List<Detection>> listener) {
    if (batch.images().isEmpty()) { // of the last images none is this replica's
      return;
    }
    List<List<Detection>> found;
    try (batch) {
      found =
          detector
              .withScoreThreshold(0)
              .detect(batch.images(), batch.proposals(), PartListener.NONE);
    }
    for (int i = 0; i < found.size(); i++) {
      listener.accept(batch.annotatedImages().get(i), found.get(i));
    }
  }

  /**
   * Adds an image and its detections to an evaluator.
   *
   * @param evaluator the evaluator
   * @param image the image
   * @param found its detections
   */
  public static void add(CocoEvaluator evaluator, AnnotatedImage image, List<Detection> found) {
    evaluator.addImage(image.imageId(), new Target(image.annotations()));
    evaluator.addDetections(image.imageId(), found);
  }
}
