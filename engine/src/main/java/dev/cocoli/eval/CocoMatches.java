package dev.cocoli.eval;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Which detections of one class in one image are right, at every IoU threshold and object size. It
 * is {@code COCOeval.evaluateImg} of pycocotools.
 *
 * @param scores of the detections that count, highest first: [D], at most 100
 * @param outcomes what became of each detection: [size][IoU threshold][D], one of the constants
 * @param positives the number of objects to find: [size]
 */
record CocoMatches(double[] scores, byte[][][] outcomes, int[] positives) {

  static final byte FALSE_POSITIVE = 0;
  static final byte TRUE_POSITIVE = 1;
  static final byte IGNORED = 2;

  private static final int MAX_DETECTIONS =
      CocoThresholds.MAX_DETECTIONS[CocoThresholds.MAX_DETECTIONS.length - 1];

  /** Matches the detections, highest score first, ties in the order given, to the objects. */
  static CocoMatches of(List<CocoAnnotation> objects, List<CocoResult> detections) {
    List<CocoResult> found =
        detections.stream()
            .sorted(Comparator.comparingDouble(CocoResult::score).reversed())
            .limit(MAX_DETECTIONS)
            .toList();
    double[][] overlaps = overlaps(found, objects);
    AreaRange[] sizes = AreaRange.values();
    byte[][][] outcomes = new byte[sizes.length][][];
    int[] positives = new int[sizes.length];
    for (AreaRange size : sizes) {
      // objects to find first, ignored ones last, as the search below may stop between the two
      int[] order = new int[objects.size()];
      int count = 0;
      for (int g = 0; g < order.length; g++) {
        if (counts(objects.get(g), size)) {
          order[count++] = g;
        }
      }
      positives[size.ordinal()] = count;
      for (int g = 0; g < order.length; g++) {
        if (!counts(objects.get(g), size)) {
          order[count++] = g;
        }
      }
      byte[][] bySize = new byte[CocoThresholds.IOU.length][];
      for (int t = 0; t < bySize.length; t++) {
        bySize[t] =
            match(
                CocoThresholds.IOU[t],
                size,
                found,
                objects,
                overlaps,
                order,
                positives[size.ordinal()]);
      }
      outcomes[size.ordinal()] = bySize;
    }
    double[] scores = found.stream().mapToDouble(CocoResult::score).toArray();
    return new CocoMatches(scores, outcomes, positives);
  }

  private static boolean counts(CocoAnnotation object, AreaRange size) {
    return !object.crowd() && size.contains(object.area());
  }

  /** IoU of each detection with each object; with a crowd, the share of the detection inside it. */
  private static double[][] overlaps(List<CocoResult> found, List<CocoAnnotation> objects) {
    double[][] overlaps = new double[found.size()][objects.size()];
    for (int d = 0; d < overlaps.length; d++) {
      CocoBox box = found.get(d).box();
      for (int g = 0; g < overlaps[d].length; g++) {
        CocoAnnotation object = objects.get(g);
        double shared = box.intersection(object.box());
        double whole = object.crowd() ? box.area() : box.area() + object.box().area() - shared;
        overlaps[d][g] = shared == 0 ? 0 : shared / whole;
      }
    }
    return overlaps;
  }

  /** The greedy assignment at one threshold; {@code order[0..positives)} are the ones to find. */
  private static byte[] match(
      double threshold,
      AreaRange size,
      List<CocoResult> found,
      List<CocoAnnotation> objects,
      double[][] overlaps,
      int[] order,
      int positives) {
    boolean[] taken = new boolean[order.length];
    byte[] outcomes = new byte[found.size()];
    Arrays.fill(outcomes, FALSE_POSITIVE);
    for (int d = 0; d < outcomes.length; d++) {
      double best = Math.min(threshold, 1 - 1e-10);
      int match = -1;
      for (int i = 0; i < order.length; i++) {
        int g = order[i];
        if (taken[i] && !objects.get(g).crowd()) {
          continue;
        }
        if (match >= 0 && match < positives && i >= positives) {
          break; // an object to find is never given up for an ignored one
        }
        if (overlaps[d][g] < best) {
          continue; // on equal overlap the later object wins
        }
        best = overlaps[d][g];
        match = i;
      }
      if (match >= 0) {
        taken[match] = true;
        outcomes[d] = match < positives ? TRUE_POSITIVE : IGNORED;
      } else if (!size.contains(found.get(d).box().area())) {
        outcomes[d] = IGNORED;
      }
    }
    return outcomes;
  }
}
