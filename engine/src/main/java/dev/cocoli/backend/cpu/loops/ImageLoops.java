package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.cpu.PerThread;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.primitives.Images;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Brings an image to the size and the range that a network reads. In: {@code [h,w,3]}; out: the
 * upper left corner of {@code [H,W,3]}. Rows are normalised and resized along x once, then mixed
 * along y, which rounds as torch's {@code interpolate} does.
 */
public final class ImageLoops implements Images {
  private static final int COLOURS = 3;

  /** Rows of the slot that are one piece of work. */
  private static final long GRAIN = 32;

  private final Workers workers;
  private final PerThread<Rows> rows = new PerThread<>(Rows::new);

  /** Which two pixels each pixel of the result lies between along one axis. */
  private record Axis(int[] low, int[] high, float[] share) {
    /** torch's {@code area_pixel_compute_source_index} with {@code align_corners=False}. */
    static Axis of(int from, int to) {
      Axis axis = new Axis(new int[to], new int[to], new float[to]);
      float scale = (float) from / to;
      for (int i = 0; i < to; i++) {
        // one rounding, as in torch's build: two move a far pixel by up to 1e-5 of a pixel
        float at = Math.max(0, Math.fma(scale, i + 0.5f, -0.5f));
        int low = Math.min((int) at, from - 1);
        axis.low[i] = low;
        axis.high[i] = Math.min(low + 1, from - 1);
        axis.share[i] = Math.clamp(at - low, 0, 1);
      }
      return axis;
    }
  }

  /** A thread's rows: one of the image, the last two that were resized along x, their mix. */
  private static final class Rows {
    byte[] bytes = new byte[0];
    float[] source = new float[0];
    float[] upper = new float[0];
    float[] lower = new float[0];
    float[] mixed = new float[0];
    int upperRow;
    int lowerRow;

    void reset(int sourceLength, int length) {
      if (source.length < sourceLength) {
        bytes = new byte[sourceLength];
        source = new float[sourceLength];
      }
      if (upper.length < length) {
        upper = new float[length];
        lower = new float[length];
        mixed = new float[length];
      }
      upperRow = -1;
      lowerRow = -1;
    }

    void swap() {
      float[] values = upper;
      upper = lower;
      lower = values;
      int row = upperRow;
      upperRow = lowerRow;
      lowerRow = row;
    }
  }

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   */
  public ImageLoops(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void resizeNormalize(
      NormalizeSpec spec, Tensor image, long height, long width, Tensor slot) {
    int rowLength = COLOURS * Math.toIntExact(width);
    Axis along = Axis.of(Math.toIntExact(image.dim(1)), Math.toIntExact(width));
    Axis down = Axis.of(Math.toIntExact(image.dim(0)), Math.toIntExact(height));
    float[][] byteValues = image.dtype() == DType.U8 ? byteValues(spec) : null;
    MemorySegment target = slot.segment();
    int bytes = slot.dtype().byteSize();
    long slotRowBytes = bytes * COLOURS * slot.dim(1);
    workers.rows(
        slot.dim(0),
        GRAIN,
        (from, to) -> {
          Rows scratch = rows.get();
          scratch.reset(Math.toIntExact(COLOURS * image.dim(1)), rowLength);
          FloatBlock block = FloatBlock.of(slot.dtype(), rowLength);
          for (long y = from; y < to; y++) {
            MemorySegment row = target.asSlice(y * slotRowBytes, slotRowBytes);
            if (y >= height) {
              row.fill((byte) 0);
              continue;
            }
            int i = (int) y;
            if (scratch.lowerRow == down.low[i]) {
              scratch.swap();
            }
            if (scratch.upperRow != down.low[i]) {
              resizeRow(spec, byteValues, image, down.low[i], along, scratch, scratch.upper);
              scratch.upperRow = down.low[i];
            }
            if (scratch.lowerRow != down.high[i]) {
              resizeRow(spec, byteValues, image, down.high[i], along, scratch, scratch.lower);
              scratch.lowerRow = down.high[i];
            }
            mix(scratch, down.share[i], rowLength);
            block.take(scratch.mixed, rowLength);
            block.store(row, 0);
            row.asSlice((long) bytes * rowLength).fill((byte) 0);
          }
        });
    slot.buffer().markWritten();
  }

  /** What each value of a byte becomes, colour by colour. */
  private static float[][] byteValues(NormalizeSpec spec) {
    float[][] values = new float[COLOURS][256];
    for (int c = 0; c < COLOURS; c++) {
      for (int i = 0; i < 256; i++) {
        values[c][i] = (i / 255f - spec.mean()[c]) / spec.std()[c];
      }
    }
    return values;
  }

  private static void resizeRow(
      NormalizeSpec spec,
      float[][] byteValues,
      Tensor image,
      int row,
      Axis along,
      Rows scratch,
      float[] into) {
    int length = COLOURS * Math.toIntExact(image.dim(1));
    float[] source = scratch.source;
    long offset = (long) row * length;
    if (byteValues != null) {
      byte[] bytes = scratch.bytes;
      MemorySegment.copy(image.segment(), JAVA_BYTE, offset, bytes, 0, length);
      for (int c = 0; c < COLOURS; c++) {
        float[] values = byteValues[c];
        for (int i = c; i < length; i += COLOURS) {
          source[i] = values[bytes[i] & 0xFF];
        }
      }
    } else {
      MemorySegment.copy(image.segment(), JAVA_FLOAT, 4 * offset, source, 0, length);
      for (int i = 0; i < length; i += COLOURS) {
        for (int c = 0; c < COLOURS; c++) {
          source[i + c] = (source[i + c] - spec.mean()[c]) / spec.std()[c];
        }
      }
    }
    for (int x = 0; x < along.low.length; x++) {
      int low = COLOURS * along.low[x];
      int high = COLOURS * along.high[x];
      float share = along.share[x];
      float rest = 1 - share;
      for (int c = 0; c < COLOURS; c++) {
        into[COLOURS * x + c] = rest * source[low + c] + share * source[high + c];
      }
    }
  }

  private static void mix(Rows scratch, float share, int length) {
    float[] upper = scratch.upper;
    float[] lower = scratch.lower;
    float[] mixed = scratch.mixed;
    float rest = 1 - share;
    for (int i = 0; i < length; i++) {
      mixed[i] = rest * upper[i] + share * lower[i];
    }
  }
}
