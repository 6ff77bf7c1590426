package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.cpu.PerThread;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * The gradient of RoIAlign. In: {@code [R,bins,bins,C]}, regions {@code [R,5]}; out: {@code
 * [N,H,W,C]} maps.
 *
 * <p>The maps are cut into bands of rows. One thread clears a band and adds the regions that reach
 * into it, in their order: so the sums do not depend on the threads. For each row of a region the
 * rows of bins are summed first, then each pixel takes its share of the columns of bins at once.
 */
final class RoiAlignBackward {
  /** Rows of a map that are one piece of work. */
  private static final int BAND_ROWS = 8;

  private final Workers workers;
  private final PerThread<Scratch> scratches = new PerThread<>(Scratch::new);
  private int[] order = new int[0];
  private int[] firstRows = new int[0];
  private int[] lastRows = new int[0];
  private int[] planes = new int[0];

  /** What a thread needs for one region. */
  private static final class Scratch {
    final RoiGrid grid = new RoiGrid();
    float[] bin = new float[0];
    float[] pixel = new float[0];
    float[][] row = new float[0][0];

    void reserve(int bins, int channels) {
      if (pixel.length < channels || row.length < bins) {
        bin = new float[channels];
        pixel = new float[channels];
        row = new float[bins][channels];
      }
    }
  }

  /**
   * Makes the loop.
   *
   * @param workers the threads that share it
   */
  RoiAlignBackward(Workers workers) {
    this.workers = workers;
  }

  /**
   * Writes the gradients of the maps.
   *
   * @param spec bins, samples, scales
   * @param dy {@code [R,bins,bins,C]}
   * @param rois {@code [R,5]}
   * @param dMaps one {@code [N,H,W,C]} per scale
   */
  void run(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    int images = Math.toIntExact(dMaps.get(0).dim(0));
    int[] planeStarts = sortByPlane(spec, rois, dMaps, images);
    long[] bandStarts = new long[dMaps.size() + 1];
    for (int m = 0; m < dMaps.size(); m++) {
      bandStarts[m + 1] = bandStarts[m] + images * bands(dMaps.get(m));
    }
    workers.rows(
        bandStarts[dMaps.size()],
        1,
        (from, to) -> {
          for (long piece = from; piece < to; piece++) {
            int m = 0;
            while (piece >= bandStarts[m + 1]) {
              m++;
            }
            long bands = bands(dMaps.get(m));
            int image = (int) ((piece - bandStarts[m]) / bands);
            int first = (int) ((piece - bandStarts[m]) % bands) * BAND_ROWS;
            int end = (int) Math.min(dMaps.get(m).dim(1), first + BAND_ROWS);
            clear(dMaps.get(m), image, first, end);
            int plane = m * images + image;
            for (int i = planeStarts[plane]; i < planeStarts[plane + 1]; i++) {
              int roi = order[i];
              if (firstRows[roi] < end && lastRows[roi] >= first) {
                spread(spec, dy, rois, roi, dMaps, first, end);
              }
            }
          }
        });
  }

  private static long bands(Tensor map) {
    return (map.dim(1) + BAND_ROWS - 1) / BAND_ROWS;
  }

  private static void clear(Tensor map, int image, int first, int end) {
    long rowBytes = 4 * map.dim(2) * map.dim(3);
    map.segment()
        .asSlice((image * map.dim(1) + first) * rowBytes, (end - first) * rowBytes)
        .fill((byte) 0);
  }

  /** Lists the regions of each map and image, in their order; notes which rows each touches. */
  private int[] sortByPlane(RoiAlignSpec spec, Tensor regions, List<Tensor> maps, int images) {
    int rois = Math.toIntExact(regions.dim(0));
    if (order.length < rois) {
      order = new int[rois];
      firstRows = new int[rois];
      lastRows = new int[rois];
      planes = new int[rois];
    }
    int[] starts = new int[maps.size() * images + 1];
    RoiGrid grid = scratches.get().grid;
    for (int r = 0; r < rois; r++) {
      grid.place(spec, maps, regions.segment(), r);
      planes[r] = grid.image < 0 || grid.rows.first() < 0 ? -1 : grid.map * images + grid.image;
      if (planes[r] >= 0) {
        firstRows[r] = grid.rows.first();
        lastRows[r] = grid.rows.last();
        starts[planes[r] + 1]++;
      }
    }
    for (int p = 0; p + 1 < starts.length; p++) {
      starts[p + 1] += starts[p];
    }
    int[] next = Arrays.copyOf(starts, starts.length);
    for (int r = 0; r < rois; r++) {
      if (planes[r] >= 0) {
        order[next[planes[r]]++] = r;
      }
    }
    return starts;
  }

  private void spread(
      RoiAlignSpec spec, Tensor dy, Tensor rois, int roi, List<Tensor> dMaps, int first, int end) {
    int bins = spec.outputSize();
    int channels = Math.toIntExact(dy.dim(3));
    Scratch scratch = scratches.get();
    scratch.reserve(bins, channels);
    scratch.grid.place(spec, dMaps, rois.segment(), roi);
    RoiAxis rows = scratch.grid.rows;
    RoiAxis columns = scratch.grid.columns;
    Tensor dMap = dMaps.get(scratch.grid.map);
    int lastColumn = columns.last();
    for (int y = Math.max(first, rows.first()); y < end && y <= rows.last(); y++) {
      if (!sumRowsOfBins(scratch, dy.segment(), roi, y, channels)) {
        continue;
      }
      long row = (scratch.grid.image * dMap.dim(1) + y) * dMap.dim(2);
      for (int x = columns.first(); x >= 0 && x <= lastColumn; x++) {
        addToPixel(scratch, x, dMap.segment(), 4 * (row + x) * channels, channels);
      }
    }
  }

  /** {@return whether any row of bins has a share in a row of pixels} */
  private static boolean sumRowsOfBins(
      Scratch scratch, MemorySegment dy, int roi, int y, int channels) {
    RoiAxis rows = scratch.grid.rows;
    int bins = rows.bins();
    boolean any = false;
    for (int binY = 0; binY < bins; binY++) {
      float weight = rows.weight(binY, y);
      if (weight == 0) {
        continue;
      }
      for (int binX = 0; binX < bins; binX++) {
        long from = 4 * (((long) roi * bins + binY) * bins + binX) * channels;
        MemorySegment.copy(dy, JAVA_FLOAT, from, scratch.bin, 0, channels);
        if (any) {
          addScaled(scratch.bin, weight, scratch.row[binX], channels);
        } else {
          scale(scratch.bin, weight, scratch.row[binX], channels);
        }
      }
      any = true;
    }
    return any;
  }

  private static void addToPixel(
      Scratch scratch, int x, MemorySegment map, long byteOffset, int channels) {
    RoiAxis columns = scratch.grid.columns;
    boolean any = false;
    for (int binX = 0; binX < columns.bins(); binX++) {
      float weight = columns.weight(binX, x);
      if (weight == 0) {
        continue;
      }
      if (!any) {
        MemorySegment.copy(map, JAVA_FLOAT, byteOffset, scratch.pixel, 0, channels);
        any = true;
      }
      addScaled(scratch.row[binX], weight, scratch.pixel, channels);
    }
    if (any) {
      MemorySegment.copy(scratch.pixel, 0, map, JAVA_FLOAT, byteOffset, channels);
    }
  }

  private static void scale(float[] from, float weight, float[] into, int count) {
    for (int i = 0; i < count; i++) {
      into[i] = weight * from[i];
    }
  }

  private static void addScaled(float[] from, float weight, float[] into, int count) {
    for (int i = 0; i < count; i++) {
      into[i] += weight * from[i];
    }
  }
}
