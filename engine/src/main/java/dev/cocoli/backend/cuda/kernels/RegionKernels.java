package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Regions;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Picks rows and pools regions: {@code [R,5]} regions of {@code [N,H,W,C]} maps. */
final class RegionKernels implements Regions {
  private static final String FILE = "region";
  private static final String GRADIENT = "roi_align_backward";
  private static final String ROWS = "rows";
  private static final String ROI_POOL_FILE = "roi_pool";
  private static final Kernel GATHER_ROWS_16 = new Kernel(ROWS, "gather_rows_16");
  private static final Kernel GATHER_ROWS_4 = new Kernel(ROWS, "gather_rows_4");
  private static final Kernel SCATTER_ROWS_16 = new Kernel(ROWS, "scatter_rows_16");
  private static final Kernel SCATTER_ROWS_4 = new Kernel(ROWS, "scatter_rows_4");
  private static final Kernel.Floats ROI_ALIGN = Kernel.floats(FILE, "roi_align");
  private static final Kernel.Floats ROI_ALIGN_WIDE = Kernel.floats(FILE, "roi_align_wide");
  private static final Kernel ROI_REACHES = new Kernel(GRADIENT, "roi_reaches");
  private static final Kernel.Floats ROI_ALIGN_BACKWARD =
      Kernel.floats(GRADIENT, "roi_align_backward");
  private static final Kernel.Floats ROI_ALIGN_BACKWARD_WIDE =
      Kernel.floats(GRADIENT, "roi_align_backward_wide");
  private static final Kernel.Floats ROI_ALIGN_BACKWARD_FIXED =
      Kernel.floats(FILE, "roi_align_backward_fixed");
  private static final Kernel.Floats ROI_ALIGN_BACKWARD_FIXED_WIDE =
      Kernel.floats(FILE, "roi_align_backward_fixed_wide");
  private static final Kernel ROI_POOL = new Kernel(ROI_POOL_FILE, "roi_pool");
  private static final Kernel ROI_POOL_WIDE = new Kernel(ROI_POOL_FILE, "roi_pool_wide");
  private static final Kernel ROI_POOL_BACKWARD = new Kernel(ROI_POOL_FILE, "roi_pool_backward");
  private static final Kernel ROI_POOL_BACKWARD_FIXED =
      new Kernel(ROI_POOL_FILE, "roi_pool_backward_fixed");

  /** Bytes of the widest access. */
  private static final long WIDE_BYTES = 16;

  /** Maps that a kernel takes; region.cuh has the same number. */
  private static final int MAX_MAPS = 8;

  /** Channels that a thread of {@code roi_align_backward_fixed_wide} takes. */
  private static final long FIXED_WIDTH = 4;

  /** Ints of roi_align_backward.cu's {@code RoiReach}. */
  private static final long REACH_INTS = 5;

  /** Pixels along a side of the square that a block of {@code roi_align_backward} writes. */
  private static final long SQUARE_SIDE = 8;

  /** Pieces of a pixel's channels that such a block has. */
  private static final long SQUARE_PACKS = 32;

  /** Bins along an axis for whose weights such a block has room. */
  private static final int MOST_BINS = 256;

  private final KernelCall call;
  private final BufferPool pool;
  private final Summation summation;
  private RoiAlignSpec lastSpec;
  private float[] leastSides;

  RegionKernels(KernelCall call, BufferPool pool, Summation summation) {
    this.call = call;
    this.pool = pool;
    this.summation = summation;
  }

  @Override
  public void gatherRows(Tensor x, Tensor indices, Tensor y) {
    long columns = x.dim(2);
    long count = indices.elementCount() * columns;
    if (count == 0) {
      return;
    }
    boolean wide = isWide(x) && isWide(y) && columns % 4 == 0;
    long width = wide ? columns / 4 : columns;
    long units = indices.elementCount() * width;
    call.of(wide ? GATHER_ROWS_16 : GATHER_ROWS_4)
        .tensor(x)
        .tensor(indices)
        .output(y)
        .i64(x.dim(1))
        .i64(units)
        .divider(width, units)
        .divider(indices.dim(1), indices.elementCount())
        .i32(x.dtype() == DType.F32 ? 0 : -1)
        .over(units);
  }

  @Override
  public void scatterRows(Tensor dy, Tensor indices, Tensor dx) {
    call.zero(dx);
    long columns = dx.dim(2);
    long count = indices.elementCount() * columns;
    if (count == 0) {
      return;
    }
    boolean wide = isWide(dy) && isWide(dx) && columns % 4 == 0;
    long width = wide ? columns / 4 : columns;
    long units = indices.elementCount() * width;
    call.of(wide ? SCATTER_ROWS_16 : SCATTER_ROWS_4)
        .tensor(dy)
        .tensor(indices)
        .output(dx)
        .i64(dx.dim(1))
        .i64(units)
        .divider(width, units)
        .divider(indices.dim(1), indices.elementCount())
        .over(units);
  }

  @Override
  public void roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor y) {
    boolean wide = isWide(y) && maps.stream().allMatch(RegionKernels::isWide);
    if (y.elementCount() > 0) {
      Kernel.Floats kernel = wide ? ROI_ALIGN_WIDE : ROI_ALIGN;
      long pieces = alignArguments(kernel.of(y.dtype()), width(wide, y), spec, maps, rois, y);
      call.output(y).over(pieces);
    }
  }

  @Override
  public void roiAlignBackward(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    if (dy.elementCount() == 0) {
      dMaps.forEach(call::zero);
    } else if (summation == Summation.DETERMINISTIC || spec.outputSize() > MOST_BINS) {
      addUnits(spec, dy, rois, dMaps);
    } else {
      addUpSquares(spec, dy, rois, dMaps);
    }
  }

  /** Lists the regions of each map and image, then writes the gradients, a block a square. */
  private void addUpSquares(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    long images = dMaps.getFirst().dim(0);
    boolean wide = isWide(dy) && dMaps.stream().allMatch(RegionKernels::isWide);
    long width = width(wide, dy);
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor reaches = scope.allocate(DType.I32, dMaps.size(), images, rois.dim(0), REACH_INTS);
      Tensor counts = scope.allocate(DType.I32, dMaps.size(), images);
      alignArguments(ROI_REACHES, width, spec, dMaps, rois, dy);
      call.tensor(reaches)
          .tensor(counts)
          .i64(rois.dim(0))
          .i32(images)
          .blocks(counts.elementCount(), KernelCall.THREADS);
      long squares = 0;
      for (Tensor map : dMaps) {
        map.buffer().markWritten();
        squares +=
            images * Math.ceilDiv(map.dim(1), SQUARE_SIDE) * Math.ceilDiv(map.dim(2), SQUARE_SIDE);
      }
      Kernel.Floats kernel = wide ? ROI_ALIGN_BACKWARD_WIDE : ROI_ALIGN_BACKWARD;
      alignArguments(kernel.of(dy.dtype()), width, spec, dMaps, rois, dy);
      call.tensor(dy)
          .tensor(reaches)
          .tensor(counts)
          .i64(rois.dim(0))
          .i32(images)
          .blocks(squares, Math.ceilDiv(dy.dim(3) / width, SQUARE_PACKS), KernelCall.THREADS, 0);
    }
  }

  private void addUnits(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    try (TensorScope scope = new TensorScope(pool)) {
      FixedPointSums fixed = new FixedPointSums(call, scope, dy, rois, dMaps);
      boolean wide = dy.dim(3) % FIXED_WIDTH == 0;
      Kernel.Floats kernel = wide ? ROI_ALIGN_BACKWARD_FIXED_WIDE : ROI_ALIGN_BACKWARD_FIXED;
      long width = wide ? FIXED_WIDTH : 1;
      long pieces = alignArguments(kernel.of(dy.dtype()), width, spec, fixed.sums(), rois, dy);
      call.tensor(dy);
      fixed.argument().over(pieces);
      fixed.writeTo(dMaps);
    }
  }

  /** Writes the arguments that all kernels of RoIAlign begin with; returns the pieces of work. */
  private long alignArguments(
      Kernel kernel, long width, RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor pooled) {
    if (maps.size() > MAX_MAPS) {
      throw new IllegalArgumentException(
          "RoIAlign takes " + MAX_MAPS + " maps at most, not " + maps.size());
    }
    long packs = pooled.dim(3) / width;
    long count = pooled.elementCount() / width;
    float[] sides = leastSides(spec);
    call.of(kernel);
    for (int i = 0; i < MAX_MAPS; i++) {
      Tensor map = i < maps.size() ? maps.get(i) : null;
      call.tensor(map)
          .i32(map == null ? 0 : map.dim(1))
          .i32(map == null ? 0 : map.dim(2))
          .f32(map == null ? 0 : spec.spatialScales()[i])
          .f32(map == null ? 0 : sides[i]);
    }
    call.tensor(rois)
        .i64(count)
        .divider(packs, count)
        .divider(spec.outputSize(), count)
        .i32(maps.size())
        .i32(spec.samplingRatio())
        .f32(spec.aligned() ? 0.5f : 0)
        .f32(spec.aligned() ? Float.NEGATIVE_INFINITY : 1);
    return count;
  }

  private static long width(boolean wide, Tensor pooled) {
    return wide ? WIDE_BYTES / pooled.dtype().byteSize() : 1;
  }

  /**
   * Returns for each map the least root of an area that belongs to it or a coarser one, so that a
   * kernel decides by comparisons, exactly as {@link RoiAlignSpec#mapOf} does by logarithms.
   */
  private float[] leastSides(RoiAlignSpec spec) {
    if (!spec.equals(lastSpec)) {
      float[] sides = new float[spec.spatialScales().length];
      for (int map = 1; map < sides.length; map++) {
        // the order of positive floats is that of their bits
        int below = 0;
        int least = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);
        while (below < least) {
          int middle = below + (least - below) / 2;
          if (spec.mapOf(Float.intBitsToFloat(middle)) >= map) {
            least = middle;
          } else {
            below = middle + 1;
          }
        }
        sides[map] = Float.intBitsToFloat(least);
      }
      leastSides = sides;
      lastSpec = spec;
    }
    return leastSides;
  }

  @Override
  public void roiPool(RoiPoolSpec spec, Tensor map, Tensor rois, Tensor y, Tensor argmax) {
    if (y.elementCount() == 0) {
      return;
    }
    boolean wide = isWide(map) && isWide(y) && (argmax == null || isWide(argmax));
    long width = wide ? 4 : 1;
    long count = y.elementCount() / width;
    call.of(wide ? ROI_POOL_WIDE : ROI_POOL)
        .tensor(map)
        .tensor(rois)
        .output(y)
        .output(argmax)
        .i64(count)
        .divider(y.dim(3) / width, count)
        .divider(spec.outputSize(), count)
        .i32(map.dim(1))
        .i32(map.dim(2))
        .f32(spec.spatialScale())
        .over(count);
  }

  @Override
  public void roiPoolBackward(
      RoiPoolSpec spec, Tensor dy, Tensor rois, Tensor argmax, Tensor dMap) {
    long count = dy.elementCount();
    if (count == 0) {
      call.zero(dMap);
      return;
    }
    if (summation == Summation.FASTEST) {
      call.zero(dMap);
      poolArguments(ROI_POOL_BACKWARD, spec, dy, rois, argmax, dMap).tensor(dMap).over(count);
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      FixedPointSums fixed = new FixedPointSums(call, scope, dy, rois, List.of(dMap));
      poolArguments(ROI_POOL_BACKWARD_FIXED, spec, dy, rois, argmax, dMap)
          .tensor(fixed.sums().getFirst());
      fixed.argument().over(count);
      fixed.writeTo(List.of(dMap));
    }
  }

  /** Writes the arguments that both kernels of RoIPool's gradient begin with. */
  private KernelCall poolArguments(
      Kernel kernel, RoiPoolSpec spec, Tensor dy, Tensor rois, Tensor argmax, Tensor dMap) {
    long count = dy.elementCount();
    return call.of(kernel)
        .tensor(dy)
        .tensor(rois)
        .tensor(argmax)
        .i64(count)
        .i64(dMap.dim(1) * dMap.dim(2))
        .divider(dMap.dim(3), count)
        .divider(spec.outputSize(), count);
  }

  /** Returns whether a tensor's rows are pieces of 16 bytes. */
  private static boolean isWide(Tensor tensor) {
    return tensor.segment().address() % WIDE_BYTES == 0
        && tensor.dim(-1) * tensor.dtype().byteSize() % WIDE_BYTES == 0;
  }
}
