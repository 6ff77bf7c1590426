package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Regions;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Picks rows and pools regions: {@code [R,5]} regions of {@code [N,H,W,C]} maps. */
final class RegionKernels implements Regions {
  private static final String FILE = "region";
  private static final String ROWS = "rows";
  private static final String ROI_POOL_FILE = "roi_pool";
  private static final Kernel GATHER_ROWS_16 = new Kernel(ROWS, "gather_rows_16");
  private static final Kernel GATHER_ROWS_4 = new Kernel(ROWS, "gather_rows_4");
  private static final Kernel SCATTER_ROWS_16 = new Kernel(ROWS, "scatter_rows_16");
  private static final Kernel SCATTER_ROWS_4 = new Kernel(ROWS, "scatter_rows_4");
  private static final Kernel.Floats ROI_ALIGN = Kernel.floats(FILE, "roi_align");
  private static final Kernel.Floats ROI_ALIGN_WIDE = Kernel.floats(FILE, "roi_align_wide");
  private static final Kernel.Floats ROI_ALIGN_BACKWARD = Kernel.floats(FILE, "roi_align_backward");
  private static final Kernel.Floats ROI_ALIGN_BACKWARD_WIDE =
      Kernel.floats(FILE, "roi_align_backward_wide");
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

  /** Maps that a kernel takes; region.cu has the same number. */
  private static final int MAX_MAPS = 8;

  /**
   * Channels that a thread of {@code roi_align_backward_wide} and {@code
   * roi_align_backward_fixed_wide} takes.
   */
  private static final long SUMMED_WIDTH = 4;

  private final KernelCall call;
  private final BufferPool pool;
  private final Summation summation;
  private final ElementwiseKernels elementwise;
  private RoiAlignSpec lastSpec;
  private float[] leastSides;

  RegionKernels(
      KernelCall call, BufferPool pool, ElementwiseKernels elementwise, Summation summation) {
    this.call = call;
    this.pool = pool;
    this.elementwise = elementwise;
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
      y.buffer().markWritten();
      call.over(alignArguments(kernel, width(wide, y), spec, maps, rois, y));
    }
  }

  @Override
  public void roiAlignBackward(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    if (dy.elementCount() == 0) {
      dMaps.forEach(call::zero);
    } else if (summation == Summation.DETERMINISTIC) {
      addUnits(spec, dy, rois, dMaps);
    } else if (dy.dtype() == DType.F32) {
      addFloats(spec, dy, rois, dMaps);
    } else {
      try (TensorScope scope = new TensorScope(pool)) {
        List<Tensor> sums = dMaps.stream().map(m -> scope.allocate(DType.F32, m.shape())).toList();
        addFloats(spec, dy, rois, sums);
        List<ElementwiseKernels.ScaledRows> casts = new ArrayList<>();
        for (int i = 0; i < sums.size(); i++) {
          casts.add(new ElementwiseKernels.ScaledRows(sums.get(i), null, dMaps.get(i)));
        }
        elementwise.scaleRows(casts);
      }
    }
  }

  private void addFloats(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> sums) {
    sums.forEach(call::zero);
    boolean wide =
        isWide(dy) && sums.stream().allMatch(m -> m.segment().address() % WIDE_BYTES == 0);
    Kernel.Floats kernel = wide ? ROI_ALIGN_BACKWARD_WIDE : ROI_ALIGN_BACKWARD;
    long pieces = alignArguments(kernel, wide ? SUMMED_WIDTH : 1, spec, sums, rois, dy);
    call.over(pieces / spec.outputSize()); // a row of bins each
  }

  private void addUnits(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    try (TensorScope scope = new TensorScope(pool)) {
      FixedPointSums fixed = new FixedPointSums(call, scope, dy, rois, dMaps);
      boolean wide = dy.dim(3) % SUMMED_WIDTH == 0;
      Kernel.Floats kernel = wide ? ROI_ALIGN_BACKWARD_FIXED_WIDE : ROI_ALIGN_BACKWARD_FIXED;
      long pieces = alignArguments(kernel, wide ? SUMMED_WIDTH : 1, spec, fixed.sums(), rois, dy);
      fixed.argument().over(pieces);
      fixed.writeTo(dMaps);
    }
  }

  /** Writes the arguments that all kernels of RoIAlign begin with; returns the pieces of work. */
  private long alignArguments(
      Kernel.Floats kernel,
      long width,
      RoiAlignSpec spec,
      List<Tensor> maps,
      Tensor rois,
      Tensor pooled) {
    if (maps.size() > MAX_MAPS) {
      throw new IllegalArgumentException(
          "RoIAlign takes " + MAX_MAPS + " maps at most, not " + maps.size());
    }
    long packs = pooled.dim(3) / width;
    long count = pooled.elementCount() / width;
    float[] sides = leastSides(spec);
    call.of(kernel.of(pooled.dtype()));
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
        .f32(spec.aligned() ? Float.NEGATIVE_INFINITY : 1)
        .tensor(pooled);
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
