package dev.cocoli.backend.cpu.loops;

import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.primitives.Upsampling;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Enlarges maps {@code [N,h,w,C]} to {@code [N,H,W,C]} by repeating pixels, a row at a time. */
public final class UpsampleLoops implements Upsampling {
  private final Workers workers;

  public UpsampleLoops(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void upsampleNearest(Tensor x, Tensor addend, Tensor y) {
    if (y.elementCount() == 0) {
      return;
    }
    int[] sourceRows = sources(x.dim(1), y.dim(1));
    int[] sourceColumns = sources(x.dim(2), y.dim(2));
    int channels = Math.toIntExact(y.dim(3));
    int bytes = y.dtype().byteSize();
    long height = y.dim(1);
    MemorySegment from = x.segment();
    MemorySegment other = addend == null ? null : addend.segment();
    MemorySegment to = y.segment();
    workers.rows(
        y.dim(0) * height,
        rowGrain(y),
        (first, last) -> {
          FloatBlock pixel = FloatBlock.of(y.dtype(), channels);
          FloatBlock sum = FloatBlock.of(y.dtype(), channels);
          for (long row = first; row < last; row++) {
            long sourceRow = row / height * x.dim(1) + sourceRows[(int) (row % height)];
            for (int column = 0; column < sourceColumns.length; column++) {
              long at = (sourceRow * x.dim(2) + sourceColumns[column]) * channels;
              long into = (row * sourceColumns.length + column) * channels;
              if (other == null) {
                MemorySegment.copy(from, at * bytes, to, into * bytes, (long) channels * bytes);
              } else {
                pixel.load(from, at, channels);
                sum.load(other, into, channels);
                sum.add(pixel);
                sum.store(to, into);
              }
            }
          }
        });
    y.buffer().markWritten();
  }

  @Override
  public void upsampleNearestBackward(Tensor dy, Tensor addend, Tensor dx) {
    if (dx.elementCount() == 0) {
      return;
    }
    int[] rowStarts = starts(dx.dim(1), dy.dim(1));
    int[] columnStarts = starts(dx.dim(2), dy.dim(2));
    int channels = Math.toIntExact(dx.dim(3));
    long height = dx.dim(1);
    int width = Math.toIntExact(dx.dim(2));
    MemorySegment from = dy.segment();
    MemorySegment other = addend == null ? null : addend.segment();
    MemorySegment to = dx.segment();
    workers.rows(
        dx.dim(0) * height,
        rowGrain(dx),
        (first, last) -> {
          FloatBlock pixel = FloatBlock.of(dx.dtype(), channels);
          FloatBlock sum = FloatBlock.of(dx.dtype(), channels);
          for (long row = first; row < last; row++) {
            int inImage = (int) (row % height);
            long image = row / height * dy.dim(1);
            for (int column = 0; column < width; column++) {
              sum.clear(channels);
              for (int i = rowStarts[inImage]; i < rowStarts[inImage + 1]; i++) {
                for (int j = columnStarts[column]; j < columnStarts[column + 1]; j++) {
                  pixel.load(from, ((image + i) * dy.dim(2) + j) * channels, channels);
                  sum.add(pixel);
                }
              }
              long into = (row * width + column) * channels;
              if (other != null) {
                pixel.load(other, into, channels);
                sum.add(pixel);
              }
              sum.store(to, into);
            }
          }
        });
    dx.buffer().markWritten();
  }

  private static long rowGrain(Tensor map) {
    return Math.max(1, 32_768 / Math.max(1, map.dim(2) * map.dim(3)));
  }

  /** Which source each place is copied from, in torch's arithmetic (nearest_neighbor_compute). */
  private static int[] sources(long from, long to) {
    int[] sources = new int[Math.toIntExact(to)];
    float scale = (float) from / to;
    for (int i = 0; i < sources.length; i++) {
      sources[i] = (int) Math.min((long) Math.floor(i * scale), from - 1);
    }
    return sources;
  }

  /** Where the places copied from each source begin; the last entry is the number of places. */
  private static int[] starts(long from, long to) {
    int[] sources = sources(from, to);
    int[] starts = new int[Math.toIntExact(from) + 1];
    for (int source : sources) {
      starts[source + 1]++;
    }
    for (int i = 0; i < from; i++) {
      starts[i + 1] += starts[i];
    }
    return starts;
  }
}
