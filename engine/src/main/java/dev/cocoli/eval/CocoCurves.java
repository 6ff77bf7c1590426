package dev.cocoli.eval;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Precision and recall of one class over all images, as {@code COCOeval.accumulate} of pycocotools
 * computes them. Values are -1 where there is no object to find.
 *
 * @param precision mean over the 101 recall thresholds, with up to 100 detections: [size][IoU]
 * @param recall the highest recall: [size][number of detections][IoU]
 */
record CocoCurves(double[][] precision, double[][][] recall) {

  /** np.spacing(1), which pycocotools adds to the denominator of the precision. */
  private static final double EPSILON = Math.ulp(1.0);

  /** Accumulates the images in the given order, which breaks ties between equal scores. */
  static CocoCurves of(List<CocoMatches> images) {
    int sizes = AreaRange.values().length;
    int limits = CocoThresholds.MAX_DETECTIONS.length;
    int thresholds = CocoThresholds.IOU.length;
    double[][] precision = new double[sizes][thresholds];
    double[][][] recall = new double[sizes][limits][thresholds];
    for (int limit = 0; limit < limits; limit++) {
      int[][] ranking = ranking(images, CocoThresholds.MAX_DETECTIONS[limit]);
      for (int size = 0; size < sizes; size++) {
        int positives = 0;
        for (CocoMatches image : images) {
          positives += image.positives()[size];
        }
        for (int t = 0; t < thresholds; t++) {
          Curve curve =
              positives == 0
                  ? new Curve(-1, -1)
                  : curve(images, ranking, CocoMatches.bit(AreaRange.values()[size], t), positives);
          recall[size][limit][t] = curve.recall;
          if (limit == limits - 1) {
            precision[size][t] = curve.precision;
          }
        }
      }
    }
    return new CocoCurves(precision, recall);
  }

  private record Curve(double precision, double recall) {}

  /** The (image, detection) pairs, highest score first; equal scores stay in the images' order. */
  private static int[][] ranking(List<CocoMatches> images, int maxDetections) {
    return IntStream.range(0, images.size())
        .boxed()
        .flatMap(
            p ->
                IntStream.range(0, Math.min(maxDetections, images.get(p).scores().length))
                    .mapToObj(d -> new int[] {p, d}))
        .sorted(
            Comparator.comparingDouble((int[] pair) -> images.get(pair[0]).scores()[pair[1]])
                .reversed())
        .toArray(int[][]::new);
  }

  /** The curve of one outcome, the bit of a size and a threshold. */
  private static Curve curve(
      List<CocoMatches> images, int[][] ranking, long outcome, int positives) {
    double[] recall = new double[ranking.length];
    double[] precision = new double[ranking.length];
    int right = 0;
    int wrong = 0;
    for (int i = 0; i < ranking.length; i++) {
      CocoMatches image = images.get(ranking[i][0]);
      int detection = ranking[i][1];
      if ((image.right()[detection] & outcome) != 0) {
        right++;
      } else if ((image.ignored()[detection] & outcome) == 0) {
        wrong++;
      }
      recall[i] = (double) right / positives;
      precision[i] = right / (wrong + right + EPSILON);
    }
    for (int i = ranking.length - 1; i > 0; i--) {
      precision[i - 1] = Math.max(precision[i - 1], precision[i]);
    }
    double[] sampled = new double[CocoThresholds.RECALL.length];
    int i = 0;
    for (int r = 0; r < sampled.length; r++) {
      while (i < recall.length && recall[i] < CocoThresholds.RECALL[r]) {
        i++;
      }
      sampled[r] = i < recall.length ? precision[i] : 0;
    }
    double mean = Arrays.stream(sampled).average().orElseThrow();
    return new Curve(mean, recall.length == 0 ? 0 : recall[recall.length - 1]);
  }
}
