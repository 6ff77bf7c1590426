package dev.cocoli.benchmarks.roofline;

import dev.cocoli.benchmarks.roofline.KernelTraffic.Formula;
import dev.cocoli.benchmarks.roofline.KernelTraffic.Launch;
import java.util.Map;

/** The part of {@link KernelTraffic} about losses and boxes: matching, sampling, proposals. */
final class BoxTraffic {
  /** Parts of a row in select.cu, and bins of a histogram there. */
  private static final int MAX_PARTS = 32;

  private static final long HISTOGRAM = 4096;

  /** Bytes of a key, an index or float, a box. */
  private static final long KEY = 8;

  private static final long WORD = 4;
  private static final long BOX = 16;

  private BoxTraffic() {}

  /** Adds the formulas of these kernels. */
  static void addTo(Map<String, Formula> formulas) {
    losses(formulas);
    matching(formulas);
    proposals(formulas);
  }

  private static void losses(Map<String, Formula> formulas) {
    formulas.put(
        "softmax_cross_entropy",
        k -> {
          long rows = k.in().pointers(2).i64();
          return rows * WORD * (2 * k.in().pointers(4).i64() + 1);
        });
    formulas.put("sigmoid_cross_entropy", k -> 3 * WORD * k.in().pointers(2).i64());
    formulas.put(
        "smooth_l1",
        k -> {
          k.in().pointers(3).i64();
          long boxes = k.in().pointers(4).i64();
          return 2 * BOX * boxes + boxes / k.in().divider() * (BOX + WORD);
        });
  }

  private static void matching(Map<String, Formula> formulas) {
    Formula match =
        k -> {
          boolean lowQuality = k.in().pointers(4).pointer();
          long boxes = k.in().pointers(2).i64();
          boolean shared = k.in().i64() == 0;
          long read = (shared ? 1 : k.y()) * boxes * BOX;
          return read + k.y() * boxes * WORD * (lowQuality ? 3 : 1);
        };
    formulas.put("match_boxes", match);
    formulas.put("match_best_boxes", k -> k.y() * k.in().pointers(7).i64() * 2 * WORD);
    formulas.put("sample_keys", k -> k.y() * k.in().pointers(3).i64() * (WORD + KEY));
    formulas.put(
        "join_sample",
        k -> {
          long batch = k.in().pointers(4).i64();
          k.in().i64();
          return batch * k.in().i64() * 2 * KEY;
        });
    formulas.put("sample_targets", k -> k.in().pointers(8).i64() * (3 * WORD + 3 * BOX + 5 * WORD));
  }

  /**
   * Where keys lie: how many all parts of all rows have room for, and whether they may be fewer.
   */
  private record Parts(long keys, boolean counted) {
    static Parts read(Launch k) {
      boolean counted = k.in().pointer();
      k.in().i64();
      long parts = k.in().i64();
      long keys = 0;
      for (int i = 0; i < MAX_PARTS; i++) {
        k.in().i64();
        keys += k.in().i64();
      }
      return new Parts(k.y() / parts * keys, counted);
    }
  }

  private static void proposals(Map<String, Formula> formulas) {
    formulas.put("key_histogram", k -> Parts.read(k).keys() * KEY + k.y() * HISTOGRAM * WORD);
    formulas.put(
        "narrow_keys",
        k -> {
          long keys = Parts.read(k).keys();
          return (keys + Parts.read(k).keys()) * KEY + k.y() * HISTOGRAM * WORD;
        });
    formulas.put(
        "select_keys",
        k -> {
          Parts in = Parts.read(k);
          long wanted = Parts.read(k).keys();
          // what was narrowed is little more than what is wanted
          return ((in.counted() ? Math.min(in.keys(), wanted) : in.keys()) + wanted) * KEY;
        });
    formulas.put("sort_tiles", k -> 2 * KEY * Parts.read(k).keys());
    formulas.put("merge_runs", k -> 2 * KEY * Parts.read(k).keys());
    formulas.put("key_indices", k -> (KEY + WORD) * k.in().pointers(3).i64());
    formulas.put("score_keys", k -> (WORD + KEY) * k.in().pointers(2).i64());
    formulas.put("decode_proposals", k -> (3 * BOX + 3 * WORD) * k.in().pointers(7).i64());
    formulas.put(
        "decode_detections",
        k -> {
          long regions = k.in().pointers(6).i64();
          k.in().divider();
          long classes = k.in().i32();
          return regions * (classes * (BOX + WORD) + 5 * WORD + (classes - 1) * (BOX + WORD));
        });
    formulas.put("nms_keys", k -> (WORD + KEY) * k.y() * k.in().pointers(3).i64());
    formulas.put("nms_suppress", k -> (BOX + WORD + KEY + 1) * k.y() * k.in().pointers(8).i64());
    formulas.put(
        "nms_indices",
        k -> {
          long room = k.in().pointers(5).i64();
          return k.x() * ((KEY + 1) * room + WORD * k.in().i32());
        });
  }
}
