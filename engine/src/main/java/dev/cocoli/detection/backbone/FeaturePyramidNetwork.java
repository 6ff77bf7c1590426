package dev.cocoli.detection.backbone;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.nn.Conv2d;
import dev.cocoli.nn.Initializer;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.MapOps;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Joins coarse, meaningful maps with fine ones from the top down (Lin et al. 2017; torchvision's
 * {@code FeaturePyramidNetwork} with {@code LastLevelMaxPool}). In: maps {@code [N,H,W,Ci]}, finest
 * first; out: as many {@code [N,H,W,C]} and one more of half the coarsest's extent.
 */
public final class FeaturePyramidNetwork extends Module {
  private static final Pool2dSpec SUBSAMPLE = new Pool2dSpec(1, 2, 0);

  private final List<Conv2d> inner = new ArrayList<>();
  private final List<Conv2d> outer = new ArrayList<>();

  /**
   * Builds the pyramid.
   *
   * @param in the channels of each map, finest first
   * @param out C
   */
  public FeaturePyramidNetwork(List<Long> in, long out) {
    for (int i = 0; i < in.size(); i++) {
      Conv2dSpec lateral = Conv2dSpec.of(1, 1, 0);
      Conv2dSpec smooth = Conv2dSpec.of(3, 1, 1);
      inner.add(child("inner_blocks." + i + ".0", convolution(in.get(i), out, lateral)));
      outer.add(child("layer_blocks." + i + ".0", convolution(out, out, smooth)));
    }
  }

  private static Conv2d convolution(long in, long out, Conv2dSpec spec) {
    long fanIn = in * spec.kernel() * spec.kernel();
    return Conv2d.withBias(in, out, spec, Initializer.kaimingUniform(1, fanIn));
  }

  /** Before torchvision 0.13 a convolution was {@code inner_blocks.0} or {@code layer_blocks.0}. */
  @Override
  protected String currentKey(String key) {
    return key.replaceFirst("^((?:inner|layer)_blocks\\.\\d+)\\.(weight|bias)$", "$1.0.$2");
  }

  /**
   * {@return the pyramid's maps, finest first}
   *
   * @param ops the forward pass
   * @param maps the backbone's maps, finest first; released
   */
  public List<Tensor> forward(Ops ops, List<Tensor> maps) {
    List<Tensor> joined = new ArrayList<>();
    for (int i = maps.size() - 1; i >= 0; i--) {
      Tensor lateral = inner.get(i).forward(ops, maps.get(i), Activation.NONE);
      ops.release(maps.get(i));
      if (joined.isEmpty()) {
        joined.add(lateral);
      } else {
        joined.addFirst(new MapOps(ops).upsampleAdd(joined.getFirst(), lateral));
        ops.release(lateral);
      }
    }
    // after the whole way down: in the backward pass these come first, and upsampling adds to them
    List<Tensor> result = new ArrayList<>();
    for (int i = 0; i < joined.size(); i++) {
      result.add(outer.get(i).forward(ops, joined.get(i), Activation.NONE));
      ops.release(joined.get(i));
    }
    result.add(new MapOps(ops).maxPool2d(SUBSAMPLE, result.getLast()));
    return result;
  }
}
