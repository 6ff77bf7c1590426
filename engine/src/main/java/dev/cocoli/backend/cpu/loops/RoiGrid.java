package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One region laid over the map that fits its size: which map, which image, and the pixels and
 * weights of each row and column of bins (torchvision's {@code roi_align} and {@code LevelMapper}).
 */
final class RoiGrid {
  /** The pixels of each row of bins. */
  final RoiAxis rows = new RoiAxis();

  /** The pixels of each column of bins. */
  final RoiAxis columns = new RoiAxis();

  /** Which map. */
  int map;

  /** Which image; negative if there is no region. */
  int image;

  /**
   * Lays a region.
   *
   * @param spec bins, samples, scales
   * @param maps the maps
   * @param rois {@code [R,5]}
   * @param roi which region
   */
  void place(RoiAlignSpec spec, List<Tensor> maps, MemorySegment rois, long roi) {
    image = (int) rois.getAtIndex(JAVA_FLOAT, 5 * roi);
    if (image < 0) {
      return;
    }
    float x1 = rois.getAtIndex(JAVA_FLOAT, 5 * roi + 1);
    float y1 = rois.getAtIndex(JAVA_FLOAT, 5 * roi + 2);
    float x2 = rois.getAtIndex(JAVA_FLOAT, 5 * roi + 3);
    float y2 = rois.getAtIndex(JAVA_FLOAT, 5 * roi + 4);
    map = spec.mapOf((float) Math.sqrt((x2 - x1) * (y2 - y1)));
    float scale = spec.spatialScales()[map];
    int height = Math.toIntExact(maps.get(map).dim(1));
    int width = Math.toIntExact(maps.get(map).dim(2));
    placeAxis(spec, scale, y1, y2, height, rows);
    placeAxis(spec, scale, x1, x2, width, columns);
  }

  private static void placeAxis(
      RoiAlignSpec spec, float scale, float from, float to, int size, RoiAxis axis) {
    float offset = spec.aligned() ? 0.5f : 0;
    float start = from * scale - offset;
    float extent = to * scale - offset - start;
    if (!spec.aligned()) {
      extent = Math.max(extent, 1);
    }
    axis.place(start, extent, spec.outputSize(), spec.samplingRatio(), size);
  }
}
