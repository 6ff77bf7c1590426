package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Cuts the surroundings of sampled anchors out of maps {@code [N,H,W,C]}. */
public interface Patches {
  /**
   * Copies patches of maps around the locations of sampled anchors.
   *
   * @param spec the window, and the anchors per location
   * @param maps {@code [N,H,W,C]}, F32 or BF16: one per level
   * @param anchors I32 {@code [N,S]}: numbers of anchors, level by level, row by row, column by
   *     column, slot by slot, no two of an image equal; negative for none
   * @param patches {@code [N*S,window,window,C]}: zeros outside of a map, and for none; overwritten
   * @param slots I32 {@code [N*S,1]}: which of its location's anchors each is, -1 for none;
   *     overwritten
   */
  void gatherPatches(
      PatchSpec spec, List<Tensor> maps, Tensor anchors, Tensor patches, Tensor slots);

  /**
   * Gradient of {@link #gatherPatches} by the maps, added to what their gradients hold. The sum of
   * a pixel's parts has one order in every run.
   *
   * @param spec the window, and the anchors per location
   * @param dPatches like the patches
   * @param anchors the anchors
   * @param dMaps like the maps; added to
   */
  void gatherPatchesBackward(PatchSpec spec, Tensor dPatches, Tensor anchors, List<Tensor> dMaps);
}
