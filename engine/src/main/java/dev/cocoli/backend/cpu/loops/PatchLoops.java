package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.primitives.Patches;
import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Patches {@code [N*S,k,k,C]} of maps {@code [N,H,W,C]} around sampled anchors {@code [N,S]}. */
public final class PatchLoops implements Patches {
  private final Workers workers;

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   */
  public PatchLoops(Workers workers) {
    this.workers = workers;
  }

  /** Where an anchor lies: a map, and a pixel of it. */
  private static final class Location {
    final List<Tensor> maps;
    final int perLocation;
    final int window;
    int level;
    long height;
    long width;
    long first;
    long row;
    long column;

    Location(PatchSpec spec, List<Tensor> maps) {
      this.maps = maps;
      perLocation = spec.anchorsPerLocation();
      window = spec.window();
    }

    void of(int anchor) {
      level = 0;
      first = 0;
      while (true) {
        height = maps.get(level).dim(1);
        width = maps.get(level).dim(2);
        long anchors = height * width * perLocation;
        if (anchor < first + anchors) {
          break;
        }
        first += anchors;
        level++;
      }
      long pixel = (anchor - first) / perLocation;
      row = pixel / width;
      column = pixel % width;
    }

    /** The row of the map under a tap of the window; it may lie outside. */
    long row(int tap) {
      return row + tap / window - window / 2;
    }

    long column(int tap) {
      return column + tap % window - window / 2;
    }

    boolean contains(long y, long x) {
      return y >= 0 && y < height && x >= 0 && x < width;
    }
  }

  @Override
  public void gatherPatches(
      PatchSpec spec, List<Tensor> maps, Tensor anchors, Tensor patches, Tensor slots) {
    int taps = spec.window() * spec.window();
    long samples = anchors.dim(1);
    long pixelBytes = patches.dim(3) * patches.dtype().byteSize();
    MemorySegment numbers = anchors.segment();
    MemorySegment target = patches.segment();
    workers.rows(
        anchors.elementCount(),
        1,
        (from, to) -> {
          Location at = new Location(spec, maps);
          for (long i = from; i < to; i++) {
            int anchor = numbers.getAtIndex(JAVA_INT, i);
            slots.segment().setAtIndex(JAVA_INT, i, anchor < 0 ? -1 : anchor % at.perLocation);
            if (anchor < 0) {
              target.asSlice(i * taps * pixelBytes, taps * pixelBytes).fill((byte) 0);
              continue;
            }
            at.of(anchor);
            MemorySegment source = maps.get(at.level).segment();
            for (int tap = 0; tap < taps; tap++) {
              long into = (i * taps + tap) * pixelBytes;
              long y = at.row(tap);
              long x = at.column(tap);
              if (at.contains(y, x)) {
                long pixel = (i / samples * at.height + y) * at.width + x;
                MemorySegment.copy(source, pixel * pixelBytes, target, into, pixelBytes);
              } else {
                target.asSlice(into, pixelBytes).fill((byte) 0);
              }
            }
          }
        });
    patches.buffer().markWritten();
    slots.buffer().markWritten();
  }

  /** A pixel belongs to the first of the patches that hold it; its thread adds all of them up. */
  @Override
  public void gatherPatchesBackward(
      PatchSpec spec, Tensor dPatches, Tensor anchors, List<Tensor> dMaps) {
    long samples = anchors.dim(1);
    int channels = Math.toIntExact(dPatches.dim(3));
    int taps = spec.window() * spec.window();
    int[][] rows = rowOfEachAnchor(spec, anchors, dMaps);
    workers.rows(
        anchors.elementCount(),
        1,
        (from, to) -> {
          FloatBlock sum = FloatBlock.of(dPatches.dtype(), channels);
          FloatBlock part = FloatBlock.of(dPatches.dtype(), channels);
          Location at = new Location(spec, dMaps);
          for (long i = from; i < to; i++) {
            int anchor = anchors.segment().getAtIndex(JAVA_INT, i);
            if (anchor < 0) {
              continue;
            }
            at.of(anchor);
            MemorySegment target = dMaps.get(at.level).segment();
            int[] rowOf = rows[Math.toIntExact(i / samples)];
            for (int tap = 0; tap < taps; tap++) {
              long y = at.row(tap);
              long x = at.column(tap);
              if (at.contains(y, x)
                  && addUp(dPatches, rowOf, at, y, x, i * taps + tap, sum, part)) {
                long pixel = (i / samples * at.height + y) * at.width + x;
                part.load(target, pixel * channels, channels);
                sum.add(part);
                sum.store(target, pixel * channels);
              }
            }
          }
        });
    dMaps.forEach(map -> map.buffer().markWritten());
  }

  /** For each image and anchor the row of its patch plus 1; 0 for an anchor without one. */
  private static int[][] rowOfEachAnchor(PatchSpec spec, Tensor anchors, List<Tensor> maps) {
    long total = 0;
    for (Tensor map : maps) {
      total += map.dim(1) * map.dim(2) * spec.anchorsPerLocation();
    }
    int images = Math.toIntExact(anchors.dim(0));
    int[][] rows = new int[images][Math.toIntExact(total)];
    for (int i = 0; i < anchors.elementCount(); i++) {
      int anchor = anchors.segment().getAtIndex(JAVA_INT, i);
      if (anchor >= 0) {
        rows[Math.toIntExact(i / anchors.dim(1))][anchor] = i + 1;
      }
    }
    return rows;
  }

  /**
   * Adds up what the patches of an image hold of a pixel, if a given place is the first of them.
   *
   * @param place row times taps plus tap
   * @return whether it is the first
   */
  private static boolean addUp(
      Tensor gradients,
      int[] rowOf,
      Location at,
      long y,
      long x,
      long place,
      FloatBlock sum,
      FloatBlock part) {
    int half = at.window / 2;
    int taps = at.window * at.window;
    int channels = Math.toIntExact(gradients.dim(3));
    boolean begun = false;
    for (int tap = 0; tap < taps; tap++) {
      long row = y - (tap / at.window - half);
      long column = x - (tap % at.window - half);
      if (!at.contains(row, column)) {
        continue;
      }
      int anchor = Math.toIntExact(at.first + (row * at.width + column) * at.perLocation);
      for (int slot = 0; slot < at.perLocation; slot++) {
        int found = rowOf[anchor + slot];
        if (found == 0) {
          continue;
        }
        long other = (found - 1L) * taps + tap;
        if (begun) {
          part.load(gradients.segment(), other * channels, channels);
          sum.add(part);
        } else if (other == place) {
          sum.load(gradients.segment(), other * channels, channels);
          begun = true;
        } else {
          return false;
        }
      }
    }
    return true;
  }
}
