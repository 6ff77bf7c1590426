package dev.cocoli.eval;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * The matches between detections and objects of one class in one image, at every IoU threshold and
 * object size, as {@code COCOeval.evaluateImg} of pycocotools computes them.
 *
 * @param scores the scores of the detections that count, highest first: [D], at most 100
 * @param outcomes whether each detection is right, wrong or ignored, as one of the constants:
 *     [size][IoU threshold][D]
 * @param positives the number of objects to find: [size]
 */
record CocoMatches(double[] scores, byte[][][] outcomes, int[] positives) {

  static final byte FALSE_POSITIVE = 0;
  static final byte TRUE_POSITIVE = 1;
  static final byte IGNORED = 2;

  private static final int MAX_DETECTIONS =
      CocoThresholds.MAX_DETECTIONS[CocoThresholds.MAX_DETECTIONS.length - 1];

  /** Matches the detections to the objects, highest score first, ties in the given order. */
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
      // objects to find come first and ignored ones last, so that the search below may stop between
      // the two
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

  /** The IoU of each detection and object; for a crowd, the fraction of the detection inside it. */
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

  /** The greedy matching at one threshold; {@code order[0..positives)} are the objects to find. */
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
          break; // a match with an object to find wins over any ignored one
        }
        if (overlaps[d][g] < best) {
          continue; // of equal overlaps the later object wins
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

  /** Writes all of it, for {@link #read} of another process. */
  void write(DataOutputStream out) throws IOException {
    out.writeInt(scores.length);
    for (double score : scores) {
      out.writeDouble(score);
    }
    for (byte[][] bySize : outcomes) {
      for (byte[] byThreshold : bySize) {
        out.write(byThreshold);
      }
    }
    for (int count : positives) {
      out.writeInt(count);
    }
  }

  /** Reads what {@link #write} has written. */
  static CocoMatches read(DataInputStream in) throws IOException {
    double[] scores = new double[in.readInt()];
    for (int d = 0; d < scores.length; d++) {
      scores[d] = in.readDouble();
    }
    int sizes = AreaRange.values().length;
    byte[][][] outcomes = new byte[sizes][CocoThresholds.IOU.length][scores.length];
    for (byte[][] bySize : outcomes) {
      for (byte[] byThreshold : bySize) {
        in.readFully(byThreshold);
      }
    }
    int[] positives = new int[sizes];
    for (int size = 0; size < sizes; size++) {
      positives[size] = in.readInt();
    }
    return new CocoMatches(scores, outcomes, positives);
  }
}
