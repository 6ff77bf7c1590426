package dev.cocoli.eval;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;

/**
 * The matches between detections and objects of one class in one image, at every IoU threshold and
 * object size, as {@code COCOeval.evaluateImg} of pycocotools computes them.
 *
 * <p>A data set has hundreds of thousands of these, so that an outcome takes one bit: {@link #bit}
 * of an object size and an IoU threshold. A detection that is neither right nor ignored is wrong.
 *
 * @param scores the scores of the detections that count, highest first: [D], at most 100
 * @param right the outcomes for which each detection is right: [D]
 * @param ignored the outcomes for which it does not count: [D]
 * @param positives the number of objects to find: [size]
 */
record CocoMatches(double[] scores, long[] right, long[] ignored, int[] positives) {

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
    long[] right = new long[found.size()];
    long[] ignored = new long[found.size()];
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
      int toFind = count;
      positives[size.ordinal()] = toFind;
      for (int g = 0; g < order.length; g++) {
        if (!counts(objects.get(g), size)) {
          order[count++] = g;
        }
      }
      for (int t = 0; t < CocoThresholds.IOU.length; t++) {
        boolean[] taken = new boolean[order.length];
        for (int d = 0; d < right.length; d++) {
          int match = match(CocoThresholds.IOU[t], overlaps[d], objects, taken, order, toFind);
          if (match >= 0) {
            taken[match] = true;
          }
          if (match >= 0 && match < toFind) {
            right[d] |= bit(size, t);
          } else if (match >= 0 || !size.contains(found.get(d).box().area())) {
            ignored[d] |= bit(size, t);
          }
        }
      }
    }
    double[] scores = found.stream().mapToDouble(CocoResult::score).toArray();
    return new CocoMatches(scores, right, ignored, positives);
  }

  /** The bit of {@link #right} and {@link #ignored} for a size and the number of a threshold. */
  static long bit(AreaRange size, int threshold) {
    return 1L << size.ordinal() * CocoThresholds.IOU.length + threshold;
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

  /**
   * The object that a detection gets at one threshold, as a place in the order of the objects, or
   * -1; {@code order[0..toFind)} are the objects to find.
   */
  private static int match(
      double threshold,
      double[] overlaps,
      List<CocoAnnotation> objects,
      boolean[] taken,
      int[] order,
      int toFind) {
    double best = Math.min(threshold, 1 - 1e-10);
    int match = -1;
    for (int i = 0; i < order.length; i++) {
      int g = order[i];
      if (taken[i] && !objects.get(g).crowd()) {
        continue;
      }
      if (match >= 0 && match < toFind && i >= toFind) {
        break; // a match with an object to find wins over any ignored one
      }
      if (overlaps[g] < best) {
        continue; // of equal overlaps the later object wins
      }
      best = overlaps[g];
      match = i;
    }
    return match;
  }

  /** Writes all of it, for {@link #read} of another process. */
  void write(DataOutputStream out) throws IOException {
    out.writeInt(scores.length);
    for (int d = 0; d < scores.length; d++) {
      out.writeDouble(scores[d]);
      out.writeLong(right[d]);
      out.writeLong(ignored[d]);
    }
    for (int count : positives) {
      out.writeInt(count);
    }
  }

  /** Reads what {@link #write} has written. */
  static CocoMatches read(DataInputStream in) throws IOException {
    double[] scores = new double[in.readInt()];
    long[] right = new long[scores.length];
    long[] ignored = new long[scores.length];
    for (int d = 0; d < scores.length; d++) {
      scores[d] = in.readDouble();
      right[d] = in.readLong();
      ignored[d] = in.readLong();
    }
    int[] positives = new int[AreaRange.values().length];
    for (int size = 0; size < positives.length; size++) {
      positives[size] = in.readInt();
    }
    return new CocoMatches(scores, right, ignored, positives);
  }
}
