package dev.cocoli.eval;

import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Collects ground truth and detections per image and computes Pascal VOC's average precision, both
 * by the eleven points of VOC2007 and by the area under the curve of VOC2010 and later ({@code
 * VOCevaldet.m} and {@code VOCap.m} of the development kit).
 *
 * <p>Detections are ranked by score, then by image id, then in the order in which they were added.
 * Each detection is compared with the object that it overlaps most: it is right if the IoU reaches
 * the threshold and the object was not found before. Difficult objects, and detections of them, do
 * not count. Two things differ from the kit. Boxes are continuous here: a box from 10 to 20 is 10
 * pixels wide, while the kit counts 11. And recall is compared with the eleven levels in integers:
 * programs that step by 0.1 reject a recall of 3 of 10 objects at level 0.3, because 3 x 0.1 is a
 * little more than 0.3.
 */
public final class VocEvaluator {

  /** The IoU threshold of the challenge. */
  public static final double DEFAULT_IOU = 0.5;

  private final List<String> classNames;
  private final double iouThreshold;
  private final TreeMap<Long, Image> images = new TreeMap<>();

  private record Image(List<Annotation> objects, List<Detection> detections) {}

  private record Ranked(long imageId, Detection detection) {}

  /**
   * Creates an evaluator with the challenge's IoU threshold of 0.5.
   *
   * @param classNames the classes without the background; label 1 is the first
   */
  public VocEvaluator(List<String> classNames) {
    this(classNames, DEFAULT_IOU);
  }

  /**
   * Creates an evaluator.
   *
   * @param classNames the classes without the background; label 1 is the first
   * @param iouThreshold the least IoU of a right detection, above 0 and at most 1
   */
  public VocEvaluator(List<String> classNames, double iouThreshold) {
    if (!(iouThreshold > 0 && iouThreshold <= 1)) {
      throw new IllegalArgumentException(
          "the IoU threshold must be above 0 and at most 1, but is " + iouThreshold);
    }
    this.classNames = List.copyOf(classNames);
    this.iouThreshold = iouThreshold;
  }

  /**
   * Announces an image with its objects.
   *
   * @param imageId the image
   * @param objects its objects; may be empty
   * @throws IllegalArgumentException if the image is known already or a label has no class
   */
  public void addImage(long imageId, List<Annotation> objects) {
    objects.forEach(object -> checkLabel(object.label()));
    if (images.putIfAbsent(imageId, new Image(List.copyOf(objects), new ArrayList<>())) != null) {
      throw new IllegalArgumentException("image " + imageId + " was added twice");
    }
  }

  /**
   * Adds the detections of an image.
   *
   * @param imageId an image that was announced
   * @param detections boxes in pixels of the image as it is in the ground truth
   * @throws IllegalArgumentException if the image is unknown, a label has no class or a score is
   *     not a number
   */
  public void addDetections(long imageId, List<Detection> detections) {
    Image image = images.get(imageId);
    if (image == null) {
      throw new IllegalArgumentException(
          "a detection is in image " + imageId + ", which is not in the ground truth");
    }
    for (Detection found : detections) {
      checkLabel(found.label());
      if (Float.isNaN(found.score())) {
        throw new IllegalArgumentException(
            "the score of a detection in image " + imageId + " is NaN");
      }
    }
    image.detections.addAll(detections);
  }

  /** {@return the metrics of all images added so far; more may be added afterwards} */
  public VocMetrics evaluate() {
    List<VocMetrics.ClassAp> perClass =
        IntStream.rangeClosed(1, classNames.size()).mapToObj(this::evaluateClass).toList();
    return new VocMetrics(
        perClass.stream().mapToDouble(c -> c.ap07()).filter(v -> v > -1).average().orElse(-1),
        perClass.stream().mapToDouble(c -> c.ap12()).filter(v -> v > -1).average().orElse(-1),
        perClass);
  }

  private VocMetrics.ClassAp evaluateClass(int label) {
    int positives = 0;
    List<Ranked> ranking = new ArrayList<>();
    TreeMap<Long, List<Annotation>> objects = new TreeMap<>();
    TreeMap<Long, boolean[]> found = new TreeMap<>();
    for (Map.Entry<Long, Image> entry : images.entrySet()) {
      Image image = entry.getValue();
      List<Annotation> ofClass =
          image.objects.stream().filter(object -> object.label() == label).toList();
      objects.put(entry.getKey(), ofClass);
      found.put(entry.getKey(), new boolean[ofClass.size()]);
      positives += (int) ofClass.stream().filter(object -> !object.difficult()).count();
      image.detections.stream()
          .filter(detection -> detection.label() == label)
          .forEach(detection -> ranking.add(new Ranked(entry.getKey(), detection)));
    }
    if (positives == 0) {
      return new VocMetrics.ClassAp(classNames.get(label - 1), -1, -1);
    }
    ranking.sort(
        Comparator.comparingDouble((Ranked ranked) -> ranked.detection.score()).reversed());
    // the number of right detections up to each detection that counts
    int[] right = new int[ranking.size()];
    int counted = 0;
    int truePositives = 0;
    for (Ranked ranked : ranking) {
      List<Annotation> candidates = objects.get(ranked.imageId);
      int best = mostOverlapped(ranked.detection.box(), candidates);
      if (best >= 0 && candidates.get(best).difficult()) {
        continue;
      }
      boolean[] taken = found.get(ranked.imageId);
      if (best >= 0 && !taken[best]) {
        taken[best] = true;
        truePositives++;
      }
      right[counted++] = truePositives;
    }
    return new VocMetrics.ClassAp(
        classNames.get(label - 1),
        elevenPoints(right, counted, positives),
        area(right, counted, positives));
  }

  /** The first object with the largest IoU, if that reaches the threshold, or -1. */
  private int mostOverlapped(Box box, List<Annotation> objects) {
    int best = -1;
    double bestIou = 0;
    for (int i = 0; i < objects.size(); i++) {
      CocoBox a = CocoBox.of(box);
      CocoBox b = CocoBox.of(objects.get(i).box());
      double shared = a.intersection(b);
      double iou = shared == 0 ? 0 : shared / (a.area() + b.area() - shared);
      if (iou > bestIou) {
        bestIou = iou;
        best = i;
      }
    }
    return bestIou >= iouThreshold ? best : -1;
  }

  /** The mean over recall 0, 0.1, ..., 1 of the highest precision at that recall or above. */
  private static double elevenPoints(int[] right, int counted, int positives) {
    double sum = 0;
    for (int level = 0; level <= 10; level++) {
      double best = 0;
      for (int i = 0; i < counted; i++) {
        if (10L * right[i] >= (long) level * positives) {
          best = Math.max(best, (double) right[i] / (i + 1));
        }
      }
      sum += best;
    }
    return sum / 11;
  }

  /** The area under the precision-recall curve, with the precision made non-increasing. */
  private static double area(int[] right, int counted, int positives) {
    double area = 0;
    double best = 0;
    for (int i = counted - 1; i >= 0; i--) {
      best = Math.max(best, (double) right[i] / (i + 1));
      int gained = right[i] - (i > 0 ? right[i - 1] : 0);
      area += best * gained / positives;
    }
    return area;
  }

  private void checkLabel(int label) {
    if (label < 1 || label > classNames.size()) {
      throw new IllegalArgumentException(
          "label " + label + " has no class: there are " + classNames.size());
    }
  }
}
