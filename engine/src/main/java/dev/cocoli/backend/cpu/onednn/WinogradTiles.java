package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.WinogradMatrices.OUT;

import java.lang.foreign.MemorySegment;

/**
 * The tiles of 4 x 4 pixels that cover maps {@code [N,H,W,C]} in F32, counted row by row over all
 * images. Those at the lower and right edges may hang over. With channels last a row of a tile is
 * one piece of memory.
 *
 * @param images N
 * @param height H
 * @param width W
 */
record WinogradTiles(long images, long height, long width) {

  private long rows() {
    return (height + OUT - 1) / OUT;
  }

  private long columns() {
    return (width + OUT - 1) / OUT;
  }

  /** {@return how many there are} */
  long count() {
    return images * rows() * columns();
  }

  /**
   * Copies the pixels of some tiles, zeros outside of the map.
   *
   * @param map {@code [N,H,W,C]}
   * @param channels C
   * @param margin pixels around each tile that are copied too
   * @param first the first tile
   * @param count how many
   * @param to {@code [count, 4 + 2 margin, 4 + 2 margin, C]}, written
   */
  void gather(
      MemorySegment map, long channels, int margin, long first, long count, MemorySegment to) {
    long pixelBytes = channels * Float.BYTES;
    long extent = OUT + 2L * margin;
    long into = 0;
    for (long tile = first; tile < first + count; tile++) {
      long left = tile % columns() * OUT - margin;
      long top = tile / columns() % rows() * OUT - margin;
      long image = tile / columns() / rows();
      long before = Math.max(0, -left);
      long inside = Math.min(width, left + extent) - left - before;
      for (long y = top; y < top + extent; y++, into += extent * pixelBytes) {
        if (y < 0 || y >= height) {
          to.asSlice(into, extent * pixelBytes).fill((byte) 0);
          continue;
        }
        long from = ((image * height + y) * width + left + before) * pixelBytes;
        MemorySegment.copy(map, from, to, into + before * pixelBytes, inside * pixelBytes);
        if (inside < extent) {
          to.asSlice(into, before * pixelBytes).fill((byte) 0);
          long end = (before + inside) * pixelBytes;
          to.asSlice(into + end, extent * pixelBytes - end).fill((byte) 0);
        }
      }
    }
  }

  /**
   * Copies some tiles to their places in a map; what hangs over is left out.
   *
   * @param tiles {@code [count,4,4,C]}
   * @param channels C
   * @param first the first tile
   * @param count how many
   * @param map {@code [N,H,W,C]}, written
   */
  void scatter(MemorySegment tiles, long channels, long first, long count, MemorySegment map) {
    long pixelBytes = channels * Float.BYTES;
    for (long i = 0; i < count; i++) {
      long tile = first + i;
      long left = tile % columns() * OUT;
      long top = tile / columns() % rows() * OUT;
      long image = tile / columns() / rows();
      long bytes = Math.min(OUT, width - left) * pixelBytes;
      long bottom = Math.min(OUT, height - top);
      for (long y = 0; y < bottom; y++) {
        long from = (i * OUT + y) * OUT * pixelBytes;
        long to = ((image * height + top + y) * width + left) * pixelBytes;
        MemorySegment.copy(tiles, from, map, to, bytes);
      }
    }
  }
}
