package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.cocoli.backend.cpu.PerThread;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * RoIPool and its gradient. In: a map {@code [N,H,W,C]}, regions {@code [R,5]}; out: {@code
 * [R,bins,bins,C]}.
 *
 * <p>Forward, a thread takes whole regions. Backward, it takes some channels of one image and adds
 * all regions in their order, so that the sums do not depend on the threads.
 */
final class RoiMaxima {
  /** Channels that are one piece of the gradient's work. */
  private static final int CHANNELS = 32;

  private static final int NONE = -1;

  private final Workers workers;
  private final PerThread<Scratch> scratches = new PerThread<>(Scratch::new);

  /** What a thread needs for one bin. */
  private static final class Scratch {
    float[] pixel = new float[0];
    float[] best = new float[0];
    int[] places = new int[0];

    void reserve(int channels) {
      if (pixel.length < channels) {
        pixel = new float[channels];
        best = new float[channels];
        places = new int[channels];
      }
    }
  }

  /** Pixels {@code [from, to)} of each bin along one axis. */
  private record Axis(int[] from, int[] to) {

    /**
     * Cuts a side into bins as torchvision does: in single precision, corners rounded away from
     * zero at a half.
     */
    static Axis of(float start, float end, float scale, int bins, long extent) {
      int first = round(start * scale);
      int last = round(end * scale);
      float bin = (float) Math.max(last - first + 1, 1) / bins;
      int[] from = new int[bins];
      int[] to = new int[bins];
      for (int i = 0; i < bins; i++) {
        from[i] = clamp((int) Math.floor(i * bin) + first, extent);
        to[i] = clamp((int) Math.ceil((i + 1) * bin) + first, extent);
      }
      return new Axis(from, to);
    }

    private static int round(float value) {
      return (int) Math.copySign(Math.floor(Math.abs((double) value) + 0.5), value);
    }

    private static int clamp(int pixel, long extent) {
      return (int) Math.max(0, Math.min(pixel, extent));
    }
  }

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   */
  RoiMaxima(Workers workers) {
    this.workers = workers;
  }

  /**
   * Pools each region.
   *
   * @param spec bins, scale
   * @param map {@code [N,H,W,C]}
   * @param rois {@code [R,5]}
   * @param y {@code [R,bins,bins,C]}
   * @param argmax I32 like y, or null
   */
  void run(RoiPoolSpec spec, Tensor map, Tensor rois, Tensor y, Tensor argmax) {
    int channels = Math.toIntExact(map.dim(3));
    int bins = spec.outputSize();
    workers.rows(
        rois.dim(0),
        1,
        (from, to) -> {
          Scratch scratch = scratches.get();
          scratch.reserve(channels);
          for (long roi = from; roi < to; roi++) {
            int image = image(rois, roi);
            Axis rows = axis(spec, rois, roi, 1, map.dim(1));
            Axis columns = axis(spec, rois, roi, 0, map.dim(2));
            for (int bin = 0; bin < bins * bins; bin++) {
              if (image < 0) {
                Arrays.fill(scratch.best, 0, channels, 0);
                Arrays.fill(scratch.places, 0, channels, NONE);
              } else {
                pool(scratch, map, image, rows, columns, bin / bins, bin % bins);
              }
              long at = (roi * bins * bins + bin) * channels;
              MemorySegment.copy(scratch.best, 0, y.segment(), JAVA_FLOAT, 4 * at, channels);
              if (argmax != null) {
                MemorySegment.copy(scratch.places, 0, argmax.segment(), JAVA_INT, 4 * at, channels);
              }
            }
          }
        });
  }

  private static int image(Tensor rois, long roi) {
    return (int) rois.segment().getAtIndex(JAVA_FLOAT, 5 * roi);
  }

  private static Axis axis(RoiPoolSpec spec, Tensor rois, long roi, int axis, long extent) {
    float start = rois.segment().getAtIndex(JAVA_FLOAT, 5 * roi + 1 + axis);
    float end = rois.segment().getAtIndex(JAVA_FLOAT, 5 * roi + 3 + axis);
    return Axis.of(start, end, spec.spatialScale(), spec.outputSize(), extent);
  }

  private static void pool(
      Scratch scratch, Tensor map, int image, Axis rows, Axis columns, int binY, int binX) {
    int channels = Math.toIntExact(map.dim(3));
    float[] pixel = scratch.pixel;
    float[] best = scratch.best;
    int[] places = scratch.places;
    boolean isEmpty = rows.from[binY] >= rows.to[binY] || columns.from[binX] >= columns.to[binX];
    Arrays.fill(best, 0, channels, isEmpty ? 0 : -Float.MAX_VALUE);
    Arrays.fill(places, 0, channels, NONE);
    for (int y = rows.from[binY]; y < rows.to[binY]; y++) {
      for (int x = columns.from[binX]; x < columns.to[binX]; x++) {
        int place = (int) (y * map.dim(2)) + x;
        long at = (image * map.dim(1) * map.dim(2) + place) * channels;
        MemorySegment.copy(map.segment(), JAVA_FLOAT, 4 * at, pixel, 0, channels);
        for (int c = 0; c < channels; c++) {
          if (pixel[c] > best[c]) {
            best[c] = pixel[c];
            places[c] = place;
          }
        }
      }
    }
  }

  /**
   * Writes the gradient of the map.
   *
   * @param dy {@code [R,bins,bins,C]}
   * @param rois {@code [R,5]}
   * @param argmax what the forward call wrote
   * @param dMap {@code [N,H,W,C]}
   */
  void runBackward(Tensor dy, Tensor rois, Tensor argmax, Tensor dMap) {
    int channels = Math.toIntExact(dMap.dim(3));
    long blocks = Math.ceilDiv(channels, CHANNELS);
    long imageBytes = dMap.byteSize() / Math.max(1, dMap.dim(0));
    workers.rows(
        dMap.dim(0),
        1,
        (from, to) ->
            dMap.segment().asSlice(from * imageBytes, (to - from) * imageBytes).fill((byte) 0));
    workers.rows(
        dMap.dim(0) * blocks,
        1,
        (from, to) -> {
          for (long piece = from; piece < to; piece++) {
            int first = (int) (piece % blocks) * CHANNELS;
            int count = Math.min(CHANNELS, channels - first);
            spread(dy, rois, argmax, dMap, piece / blocks, first, count);
          }
        });
  }

  private static void spread(
      Tensor dy, Tensor rois, Tensor argmax, Tensor dMap, long image, int first, int count) {
    MemorySegment gradients = dy.segment();
    MemorySegment places = argmax.segment();
    MemorySegment target = dMap.segment();
    long channels = dMap.dim(3);
    long base = image * dMap.dim(1) * dMap.dim(2);
    long bins = dy.dim(1) * dy.dim(2);
    for (long roi = 0; roi < rois.dim(0); roi++) {
      if (image(rois, roi) != image) {
        continue;
      }
      for (long bin = roi * bins; bin < (roi + 1) * bins; bin++) {
        for (long at = bin * channels + first; at < bin * channels + first + count; at++) {
          int place = places.getAtIndex(JAVA_INT, at);
          if (place >= 0) {
            long into = (base + place) * channels + at - bin * channels;
            float sum = target.getAtIndex(JAVA_FLOAT, into) + gradients.getAtIndex(JAVA_FLOAT, at);
            target.setAtIndex(JAVA_FLOAT, into, sum);
          }
        }
      }
    }
  }
}
