package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Patches;
import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Patches {@code [N*S,k,k,C]} of maps {@code [N,H,W,C]} around sampled anchors {@code [N,S]}. */
final class PatchKernels implements Patches {
  private static final String FILE = "patch";
  private static final ChannelPacks GATHER_PATCHES = ChannelPacks.of(FILE, "gather_patches");
  private static final ChannelPacks GATHER_PATCHES_BACKWARD =
      ChannelPacks.of(FILE, "gather_patches_backward");
  private static final Kernel ANCHOR_SLOTS = new Kernel(FILE, "anchor_slots");
  private static final Kernel ANCHOR_ROWS = new Kernel(FILE, "anchor_rows");

  /** Maps that a kernel takes; patch.cu has the same number. */
  private static final int MAX_MAPS = 8;

  private final KernelCall call;
  private final BufferPool pool;

  PatchKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  @Override
  public void gatherPatches(
      PatchSpec spec, List<Tensor> maps, Tensor anchors, Tensor patches, Tensor slots) {
    long samples = anchors.elementCount();
    call.of(ANCHOR_SLOTS)
        .tensor(anchors)
        .output(slots)
        .i64(samples)
        .i32(spec.anchorsPerLocation())
        .over(samples);
    if (patches.elementCount() > 0) {
      ChannelPacks.Choice choice = GATHER_PATCHES.choose(patches, maps.toArray(Tensor[]::new));
      long pieces = arguments(choice, spec, maps, anchors, patches);
      call.output(patches).over(pieces);
    }
  }

  @Override
  public void gatherPatchesBackward(
      PatchSpec spec, Tensor dPatches, Tensor anchors, List<Tensor> dMaps) {
    if (dPatches.elementCount() == 0) {
      return;
    }
    long perImage =
        dMaps.stream().mapToLong(m -> m.dim(1) * m.dim(2)).sum() * spec.anchorsPerLocation();
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor rows = scope.allocate(DType.I32, anchors.dim(0), perImage);
      call.zero(rows);
      call.of(ANCHOR_ROWS)
          .tensor(anchors)
          .tensor(rows)
          .i64(anchors.elementCount())
          .i64(perImage)
          .divider(anchors.dim(1), anchors.elementCount())
          .over(anchors.elementCount());
      ChannelPacks.Choice choice =
          GATHER_PATCHES_BACKWARD.choose(dPatches, dMaps.toArray(Tensor[]::new));
      long pieces = arguments(choice, spec, dMaps, anchors, dPatches);
      call.tensor(dPatches).tensor(rows).i64(perImage).over(pieces);
    }
    dMaps.forEach(map -> map.buffer().markWritten());
  }

  /** Writes the arguments that both kernels begin with; returns the pieces of work. */
  private long arguments(
      ChannelPacks.Choice choice,
      PatchSpec spec,
      List<Tensor> maps,
      Tensor anchors,
      Tensor patches) {
    if (maps.size() > MAX_MAPS) {
      throw new IllegalArgumentException(
          "patches are of " + MAX_MAPS + " maps at most, not " + maps.size());
    }
    long count = patches.elementCount() / choice.width();
    call.of(choice.kernel());
    long first = 0;
    for (int i = 0; i < MAX_MAPS; i++) {
      Tensor map = i < maps.size() ? maps.get(i) : null;
      call.tensor(map)
          .i32(map == null ? 0 : map.dim(1))
          .i32(map == null ? 0 : map.dim(2))
          .i32(first)
          .i32(0); // the structure is padded to a multiple of its pointer
      first += map == null ? 0 : map.dim(1) * map.dim(2) * spec.anchorsPerLocation();
    }
    call.tensor(anchors)
        .i64(count)
        .divider(patches.dim(3) / choice.width(), count)
        .divider((long) spec.window() * spec.window(), count)
        .divider(anchors.dim(1), count)
        .divider(spec.anchorsPerLocation(), first)
        .i32(maps.size())
        .i32(spec.window());
    return count;
  }
}
