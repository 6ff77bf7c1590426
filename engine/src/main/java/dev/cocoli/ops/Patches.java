package dev.cocoli.ops;

import static dev.cocoli.ops.Ops.require;

import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * The surroundings of sampled anchors, cut out of feature maps: a network that is only trained at
 * these anchors computes on them what it computes on the maps.
 *
 * @param pixels {@code [N*S,window,window,C]}, zeros outside of a map and where there is no anchor
 * @param slots I32 {@code [N*S,1]}: which of its location's anchors each is, -1 for none
 */
public record Patches(Tensor pixels, Tensor slots) {

  /**
   * {@return the patches around anchors; their gradients are added to those of the maps}
   *
   * @param ops the forward pass
   * @param spec the window, and the anchors per location
   * @param maps {@code [N,H,W,C]}, one per level
   * @param anchors I32 {@code [N,S]}: numbers of anchors, in the order of {@code AnchorGenerator},
   *     no two of an image equal; negative for none
   */
  public static Patches gather(Ops ops, PatchSpec spec, List<Tensor> maps, Tensor anchors) {
    Tensor like = maps.getFirst();
    require(anchors.shape().rank() == 2 && anchors.dim(0) == like.dim(0), "patches", maps, anchors);
    long rows = anchors.elementCount();
    Tensor slots = ops.allocate(DType.I32, rows, 1);
    Tensor pixels =
        ops.scope()
            .allocate(like.dtype(), Shape.of(rows, spec.window(), spec.window(), like.dim(3)));
    ops.backend().patches().gatherPatches(spec, maps, anchors, pixels, slots);
    ops.tape()
        .record(
            pixels,
            maps,
            List.of(),
            gradient ->
                ops.backend()
                    .patches()
                    .gatherPatchesBackward(
                        spec,
                        gradient,
                        anchors,
                        maps.stream().map(ops.tape()::gradientSoFar).toList()));
    return new Patches(pixels, slots);
  }
}
