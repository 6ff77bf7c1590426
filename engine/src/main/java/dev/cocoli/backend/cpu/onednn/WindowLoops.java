package dev.cocoli.backend.cpu.onednn;

import dev.cocoli.backend.cpu.Workers;
import java.lang.foreign.MemorySegment;

/**
 * Writes what each window of a convolution sees as a row {@code [kH,kW,I]}, zeros where it hangs
 * over the edge (im2col). With channels last a row of a window is one piece of memory.
 */
public final class WindowLoops {
  private static final long GRAIN_BYTES = 128 << 10;

  private final Workers workers;

  public WindowLoops(Workers workers) {
    this.workers = workers;
  }

  /**
   * Gathers some windows.
   *
   * @param shape the convolution
   * @param x {@code [N,H,W,I]}
   * @param first the first window: a pixel of the output, counted over all images
   * @param count how many
   * @param rows {@code [count,kH,kW,I]}, written
   */
  void gather(ConvolutionShape shape, MemorySegment x, long first, long count, MemorySegment rows) {
    long rowBytes = shape.windowElements() * Float.BYTES;
    workers.rows(
        count,
        Math.max(1, GRAIN_BYTES / rowBytes),
        (from, to) -> {
          for (long i = from; i < to; i++) {
            gather(shape, x, first + i, rows, i * rowBytes);
          }
        });
  }

  private static void gather(
      ConvolutionShape shape, MemorySegment x, long pixel, MemorySegment rows, long at) {
    long pixelBytes = shape.in() * Float.BYTES;
    long column = pixel % shape.outWidth() * shape.stride() - shape.padding();
    long line = pixel / shape.outWidth() % shape.outHeight() * shape.stride() - shape.padding();
    long image = pixel / shape.outWidth() / shape.outHeight() * shape.height();
    boolean inside =
        shape.dilation() == 1 && column >= 0 && column + shape.kernel() <= shape.width();
    long lineBytes = shape.kernel() * pixelBytes;
    for (int i = 0; i < shape.kernel(); i++, at += lineBytes) {
      long y = line + (long) i * shape.dilation();
      if (y < 0 || y >= shape.height()) {
        rows.asSlice(at, lineBytes).fill((byte) 0);
        continue;
      }
      long start = (image + y) * shape.width();
      if (inside) {
        MemorySegment.copy(x, (start + column) * pixelBytes, rows, at, lineBytes);
        continue;
      }
      for (int j = 0; j < shape.kernel(); j++) {
        long across = column + (long) j * shape.dilation();
        long into = at + j * pixelBytes;
        if (across < 0 || across >= shape.width()) {
          rows.asSlice(into, pixelBytes).fill((byte) 0);
        } else {
          MemorySegment.copy(x, (start + across) * pixelBytes, rows, into, pixelBytes);
        }
      }
    }
  }
}
