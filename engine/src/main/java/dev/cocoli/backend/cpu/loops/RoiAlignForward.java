package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.cpu.PerThread;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * RoIAlign. In: {@code [N,H,W,C]} maps, regions {@code [R,5]}; out: {@code [R,bins,bins,C]}.
 *
 * <p>A bin is a weighted sum of pixels. Their channels are copied to arrays on the heap four pixels
 * at a time: a copy runs at the speed of the cache, the loop over arrays that share one index is
 * vectorised, and the two take a third of the time of a loop over the map's own memory, which is
 * not. Regions are pooled in the order of their places, because a map is larger than a cache: 1000
 * regions then take 0.68 of the time in fp32, and 0.85 in bf16 (one core of a Xeon).
 */
final class RoiAlignForward {
  private static final int PIXELS = 4;

  /** Rows of a map that make a band; a region of the usual size spans one or two. */
  private static final int BAND_ROWS = 16;

  private static final int BANDS = 1 << 12;
  private static final int COLUMNS = 1 << 16;

  private final Workers workers;
  private final PerThread<Scratch> scratches = new PerThread<>(Scratch::new);

  /** What a thread needs for one region. */
  private static final class Scratch {
    final RoiGrid grid = new RoiGrid();
    final FloatBlock[] pixels = new FloatBlock[PIXELS];
    FloatBlock sums;
    DType type;
    int channels;
    long[] offsets = new long[0];
    float[] weights = new float[0];

    void reserveChannels(DType newType, int count) {
      if (type != newType || channels < count) {
        type = newType;
        channels = count;
        sums = FloatBlock.of(type, count);
        for (int i = 0; i < PIXELS; i++) {
          pixels[i] = FloatBlock.of(type, count);
        }
      }
    }

    void reservePixels(int count) {
      if (offsets.length < count) {
        offsets = new long[count];
        weights = new float[count];
      }
    }
  }

  /**
   * Makes the loop.
   *
   * @param workers the threads that share it
   */
  RoiAlignForward(Workers workers) {
    this.workers = workers;
  }

  /**
   * Pools each region.
   *
   * @param spec bins, samples, scales
   * @param maps one {@code [N,H,W,C]} per scale
   * @param rois {@code [R,5]}
   * @param y {@code [R,bins,bins,C]}
   */
  void run(RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor y) {
    MemorySegment regions = rois.segment();
    MemorySegment target = y.segment();
    int channels = Math.toIntExact(y.dim(3));
    long regionBytes =
        (long) y.dtype().byteSize() * spec.outputSize() * spec.outputSize() * channels;
    int[] order = byPlace(spec, regions, Math.toIntExact(rois.dim(0)));
    workers.rows(
        order.length,
        1,
        (from, to) -> {
          Scratch scratch = scratches.get();
          scratch.reserveChannels(y.dtype(), channels);
          for (long i = from; i < to; i++) {
            int r = order[(int) i];
            scratch.grid.place(spec, maps, regions, r);
            MemorySegment region = target.asSlice(r * regionBytes, regionBytes);
            if (scratch.grid.image < 0) {
              region.fill((byte) 0);
            } else {
              pool(scratch, maps.get(scratch.grid.map), channels, region);
            }
          }
        });
  }

  /**
   * {@return the regions in the order of their places: by image, by map, by bands of the map, in a
   * band from left to right; what one region reads is then still in the cache for the next}
   */
  private static int[] byPlace(RoiAlignSpec spec, MemorySegment rois, int count) {
    long[] keys = new long[count];
    for (int r = 0; r < count; r++) {
      long image = (long) rois.getAtIndex(JAVA_FLOAT, 5L * r);
      float x1 = rois.getAtIndex(JAVA_FLOAT, 5L * r + 1);
      float y1 = rois.getAtIndex(JAVA_FLOAT, 5L * r + 2);
      float x2 = rois.getAtIndex(JAVA_FLOAT, 5L * r + 3);
      float y2 = rois.getAtIndex(JAVA_FLOAT, 5L * r + 4);
      int map = spec.mapOf((float) Math.sqrt((x2 - x1) * (y2 - y1)));
      float scale = spec.spatialScales()[map];
      int band = Math.clamp((long) ((y1 + y2) / 2 * scale / BAND_ROWS), 0, BANDS - 1);
      int column = Math.clamp((long) ((x1 + x2) / 2 * scale), 0, COLUMNS - 1);
      long place = ((image * spec.spatialScales().length + map) * BANDS + band) * COLUMNS + column;
      keys[r] = place * count + r;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(key -> (int) Math.floorMod(key, (long) count)).toArray();
  }

  private static void pool(Scratch scratch, Tensor map, int channels, MemorySegment region) {
    int bins = scratch.grid.rows.bins();
    for (int binY = 0; binY < bins; binY++) {
      for (int binX = 0; binX < bins; binX++) {
        int count = listPixels(scratch, map, binY, binX);
        scratch.sums.clear(channels);
        for (int k = 0; k < count; k += PIXELS) {
          addPixels(scratch, map.segment(), k, channels);
        }
        scratch.sums.store(region, (long) (binY * bins + binX) * channels);
      }
    }
  }

  /** {@return how many pixels, each with its weight, a bin is the sum of} */
  private static int listPixels(Scratch scratch, Tensor map, int binY, int binX) {
    RoiAxis rows = scratch.grid.rows;
    RoiAxis columns = scratch.grid.columns;
    scratch.reservePixels(rows.count(binY) * columns.count(binX) + PIXELS - 1);
    long[] offsets = scratch.offsets;
    float[] weights = scratch.weights;
    int n = 0;
    for (int i = rows.starts[binY]; i < rows.starts[binY + 1]; i++) {
      long row = (scratch.grid.image * map.dim(1) + rows.pixels[i]) * map.dim(2);
      for (int j = columns.starts[binX]; j < columns.starts[binX + 1]; j++) {
        offsets[n] = (row + columns.pixels[j]) * map.dim(3);
        weights[n++] = rows.weights[i] * columns.weights[j];
      }
    }
    // full groups only: a pixel of the bin again, which counts nothing
    for (; n % PIXELS != 0; n++) {
      offsets[n] = offsets[n - 1];
      weights[n] = 0;
    }
    return n;
  }

  private static void addPixels(Scratch scratch, MemorySegment map, int first, int channels) {
    for (int i = 0; i < PIXELS; i++) {
      scratch.pixels[i].load(map, scratch.offsets[first + i], channels);
    }
    for (int l = 0; l < scratch.sums.lanes(); l++) {
      addLane(scratch, first, l);
    }
  }

  private static void addLane(Scratch scratch, int first, int lane) {
    float[] sums = scratch.sums.lane(lane);
    float[] a = scratch.pixels[0].lane(lane);
    float[] b = scratch.pixels[1].lane(lane);
    float[] c = scratch.pixels[2].lane(lane);
    float[] d = scratch.pixels[3].lane(lane);
    float weightA = scratch.weights[first];
    float weightB = scratch.weights[first + 1];
    float weightC = scratch.weights[first + 2];
    float weightD = scratch.weights[first + 3];
    int size = scratch.sums.size(lane);
    for (int i = 0; i < size; i++) {
      sums[i] += weightA * a[i] + weightB * b[i] + weightC * c[i] + weightD * d[i];
    }
  }
}
