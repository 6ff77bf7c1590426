package dev.cocoli.benchmarks.roofline;

import java.util.HashMap;
import java.util.Map;

/**
 * How many bytes of the device's memory each kernel reads and writes, by its arguments. What
 * threads share through caches counts once. Where the number of elements is known to the device
 * alone, all that there is room for counts.
 */
final class KernelTraffic {
  /** Maps that the kernels of RoIAlign and of patches take. */
  private static final int MAPS = 8;

  /** Tensors that scale_rows takes. */
  private static final int SCALED = 100;

  /** Parts that copy_columns takes. */
  private static final int COPIED = 16;

  /** Bytes of an index or float, a double. */
  private static final long WORD = 4;

  private static final long DOUBLE = 8;

  /** A region of RoIAlign, and how far it reaches. */
  private static final long ROI = 20;

  /**
   * One launch.
   *
   * @param in the arguments
   * @param x blocks along the first axis
   * @param y blocks along the second axis
   * @param element bytes of an element of the type in the kernel's name, 4 without one
   * @param width elements of a thread's piece: those of 16 bytes in a wide kernel, else 1
   */
  record Launch(KernelArguments in, long x, long y, long element, long width) {}

  /** Returns the bytes of a launch. */
  interface Formula {
    long bytes(Launch launch);
  }

  private final Map<String, Formula> formulas = new HashMap<>();
  private final long images;

  /**
   * Prepares the formulas.
   *
   * @param images the batch, which the arguments of RoIAlign do not have
   */
  KernelTraffic(long images) {
    this.images = images;
    elementwise();
    batchNorm();
    updates();
    maps();
    regions();
    BoxTraffic.addTo(formulas);
  }

  /**
   * {@return the bytes that a kernel reads and writes}
   *
   * @param name its name
   * @param x blocks along the first axis
   * @param y blocks along the second axis
   * @param in its arguments
   * @throws RooflineException if there is no formula for it
   */
  long bytes(String name, long x, long y, KernelArguments in) {
    long element = name.endsWith("_bf16") ? 2 : 4;
    String base = name.replaceFirst("_(f32|bf16)$", "");
    boolean wide = base.endsWith("_wide");
    base = base.replaceFirst("_wide$", "");
    Formula formula = formulas.getOrDefault(name, formulas.get(base));
    if (formula == null) {
      throw new RooflineException(
          "KernelTraffic does not say what " + name + " reads and writes: add its formula there");
    }
    return formula.bytes(new Launch(in, x, y, element, wide ? 16 / element : 1));
  }

  private void elementwise() {
    formulas.put("add", k -> 3 * k.element() * k.in().pointers(3).i64());
    formulas.put(
        "relu_backward",
        k -> {
          k.in().pointer();
          int passes = k.in().pointer() ? 4 : 3;
          return passes * k.element() * k.in().pointers(1).i64();
        });
    formulas.put(
        "epilogue",
        k -> {
          int passes = k.in().pointers(3).pointer() ? 3 : 2;
          return passes * k.element() * k.in().i64();
        });
    formulas.put("add_at_stride", k -> 3 * k.element() * k.width() * k.in().pointers(2).i64());
    formulas.put("add_column_sums", k -> summed(k.in().pointers(1), k, 1, 1));
    formulas.put(
        "scale_rows",
        k -> {
          long count = 0;
          for (int i = 0; i < SCALED; i++) {
            count += k.in().pointers(3).i32();
            for (int j = 0; j < 3; j++) {
              k.in().i32();
            }
          }
          return count * (WORD + k.element());
        });
    formulas.put("add_scaled_rows", k -> k.in().pointers(3).i64() * (k.element() + 2 * WORD));
    formulas.put("hold_up", k -> 0);
    formulas.put("fill", k -> WORD * k.in().pointers(1).i64());
    formulas.put("cast_f32_bf16", k -> 6 * k.in().pointers(2).i64());
    formulas.put("cast_bf16_f32", k -> 6 * k.in().pointers(2).i64());
    formulas.put(
        "copy_columns",
        k -> {
          long bytes = 0;
          for (int part = 0; part < COPIED; part++) {
            k.in().pointers(2).i64();
            k.in().i64();
            long count = k.in().i32();
            k.in().i32();
            k.in().divider();
            k.in().divider();
            bytes += 2 * count * k.in().i32();
            k.in().i32();
          }
          return bytes;
        });
    for (int unit : new int[] {4, 16}) {
      Formula rows =
          k -> {
            k.in().pointers(3).i64();
            long units = k.in().i64();
            return 2 * unit * units + WORD * units / k.in().divider();
          };
      formulas.put("gather_rows_" + unit, rows);
      formulas.put("scatter_rows_" + unit, rows);
    }
  }

  private void batchNorm() {
    formulas.put("batch_norm_statistics", k -> summed(k.in().pointers(1), k, 2, 1));
    formulas.put(
        "batch_norm_normalize",
        k -> {
          k.in().pointer();
          boolean residual = k.in().pointer();
          return tiles(k.in().pointers(2), k, residual ? 3 : 2);
        });
    Formula gradientSums =
        k -> {
          k.in().pointer();
          // with an output the masked gradient is written
          boolean output = k.in().pointer();
          return summed(k.in().pointers(5), k, 2, output ? 4 : 2);
        };
    formulas.put("batch_norm_gradient_sums", gradientSums);
    formulas.put("batch_norm_gradient_sums_masked", gradientSums);
    formulas.put(
        "batch_norm_normalize_summed",
        k -> {
          k.in().pointer();
          boolean residual = k.in().pointer();
          k.in().pointers(9);
          k.in().f32();
          k.in().f32();
          return tiles(k.in(), k, residual ? 3 : 2);
        });
    formulas.put("batch_norm_input_gradient_summed", k -> tiles(k.in().pointers(10), k, 3));
    Formula inputGradient = k -> tiles(k.in().pointers(4), k, 3);
    formulas.put("batch_norm_input_gradient", inputGradient);
    formulas.put("batch_norm_input_gradient_masked", inputGradient);
    formulas.put("fold_batch_norm", k -> 6 * WORD * k.in().pointers(6).i64());
  }

  /** So many passes over a map that is cut by Tiles. */
  private static long tiles(KernelArguments in, Launch k, int passes) {
    long rows = in.i64();
    in.i64();
    return passes * rows * in.i32() * k.element();
  }

  /** The same, with sums of each channel, whose parts are written and read. */
  private static long summed(KernelArguments in, Launch k, int sums, int passes) {
    long group = in.pointers(2).i64();
    long rows = in.i64();
    in.i64();
    long channels = in.i32();
    long parts = k.x() + Math.ceilDiv(k.x(), group);
    return passes * rows * channels * k.element() + 2 * parts * sums * channels * DOUBLE;
  }

  private void updates() {
    formulas.put("squared_norm", k -> WORD * k.in().pointers(4).i64() + 2 * DOUBLE * k.x());
    formulas.put("clip_by_norm", k -> 2 * WORD * k.in().pointers(2).i64());
    formulas.put("scale", k -> 2 * WORD * k.in().pointers(1).i64());
    formulas.put("sgd_update", k -> 5 * WORD * k.in().pointers(3).i64());
  }

  private void maps() {
    formulas.put(
        "max_pool2d",
        k -> {
          boolean argmax = k.in().pointers(2).pointer();
          long pieces = k.in().i64();
          long pixels = (long) k.in().i32() * k.in().i32();
          long packs = k.in().divider();
          long windows = k.in().divider() * k.in().divider();
          long out = pieces * k.width();
          long in = pieces / (packs * windows) * pixels * packs * k.width();
          return (in + out) * k.element() + (argmax ? out : 0);
        });
    formulas.put(
        "max_pool2d_backward",
        k -> {
          long pieces = k.in().pointers(3).i64();
          long windows = (long) k.in().i32() * k.in().i32();
          long packs = k.in().divider();
          long pixels = k.in().divider() * k.in().divider();
          long out = pieces * k.width();
          long in = pieces / (packs * pixels) * windows * packs * k.width();
          return in * (k.element() + 1) + out * k.element();
        });
    formulas.put(
        "upsample_nearest",
        k -> {
          k.in().pointer();
          boolean addend = k.in().pointer();
          k.in().pointer();
          return upsample(k, false, addend ? 2 : 1);
        });
    formulas.put(
        "upsample_nearest_backward",
        k -> {
          k.in().pointer();
          boolean addend = k.in().pointer();
          k.in().pointer();
          return upsample(k, true, addend ? 2 : 1);
        });
    formulas.put("resize_normalize_u8", k -> resize(k, 1));
    formulas.put("resize_normalize_f32", k -> resize(k, WORD));
  }

  /** A map that is written, so many of its size, and one at the other end of the axes. */
  private static long upsample(Launch k, boolean backward, int passes) {
    long pieces = k.in().i64();
    long packs = k.in().divider();
    long written = k.in().divider() * k.in().divider();
    long other = 1;
    for (int axis = 0; axis < 2; axis++) {
      long small = k.in().i32();
      long large = k.in().i32();
      k.in().f32();
      k.in().f32();
      other *= backward ? large : small;
    }
    long read = pieces / (packs * written) * other * packs;
    return (passes * pieces + read) * k.width() * k.element();
  }

  private static long resize(Launch k, long element) {
    long count = k.in().pointers(2).i64();
    k.in().divider();
    long height = k.in().i32();
    k.in().i32();
    k.in().f32();
    return height * k.in().i32() * 3 * element + count * k.element();
  }

  private void regions() {
    formulas.put(
        "roi_align",
        k -> {
          RoiBins regions = RoiBins.read(k);
          long touched = Math.min(images * regions.elements(), regions.samples());
          return (touched + regions.pooled()) * k.element();
        });
    formulas.put(
        "roi_align_backward",
        k -> {
          RoiBins regions = RoiBins.read(k);
          return (images * regions.elements() + regions.pooled()) * k.element();
        });
    formulas.put(
        "roi_reaches",
        k -> {
          RoiBins.read(k);
          return 2 * ROI * k.in().pointers(2).i64();
        });
    formulas.put("anchor_slots", k -> 2 * WORD * k.in().pointers(2).i64());
    formulas.put("anchor_rows", k -> 2 * WORD * k.in().pointers(2).i64());
    formulas.put("gather_patches", k -> 2 * patches(k));
    formulas.put("gather_patches_backward", k -> 3 * patches(k));
  }

  /**
   * What the kernels of RoIAlign begin with.
   *
   * @param elements of the maps of an image
   * @param pooled elements of all bins
   * @param samples elements of the maps that the samples touch, each counted
   */
  private record RoiBins(long elements, long pooled, long samples) {
    static RoiBins read(Launch k) {
      long pixels = 0;
      for (int map = 0; map < MAPS; map++) {
        k.in().pointer();
        pixels += (long) k.in().i32() * k.in().i32();
        k.in().f32();
        k.in().f32();
      }
      k.in().pointer();
      long pooled = k.in().i64() * k.width();
      long channels = k.in().divider() * k.width();
      k.in().divider();
      k.in().i32();
      long samples = Math.max(1, k.in().i32());
      k.in().f32();
      k.in().f32();
      return new RoiBins(pixels * channels, pooled, 4 * samples * samples * pooled);
    }
  }

  /** The bytes of all patches. */
  private static long patches(Launch k) {
    for (int map = 0; map < MAPS; map++) {
      k.in().pointer();
      for (int i = 0; i < 4; i++) {
        k.in().i32();
      }
    }
    return k.in().pointers(1).i64() * k.width() * k.element();
  }
}
