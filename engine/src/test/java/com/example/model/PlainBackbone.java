package com.example.model;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.detection.backbone.Backbone;
import dev.cocoli.nn.Conv2d;
import dev.cocoli.nn.Module;
import dev.cocoli.nn.Norm;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Four convolutions of stride 2, each with a normalisation of its own. In: {@code [N,H,W,3]}; out:
 * one map {@code [N,H/16,W/16,C]}.
 */
final class PlainBackbone extends Backbone {
  private final List<Conv2d> convolutions = new ArrayList<>();
  private final List<Norm> norms = new ArrayList<>();
  private final long channels;

  PlainBackbone(long channels) {
    this.channels = channels;
    for (int i = 0; i < 4; i++) {
      Conv2dSpec spec = Conv2dSpec.of(3, 2, 1);
      convolutions.add(child("conv" + i, Conv2d.beforeNorm(i == 0 ? 3 : channels, channels, spec)));
      norms.add(child("norm" + i, new NoNorm()));
    }
  }

  /** Normalises nothing. */
  private static final class NoNorm extends Norm {
    @Override
    public Tensor forward(Ops ops, Conv2d conv, Tensor x, Tensor residual, Activation activation) {
      if (residual != null) {
        throw new IllegalArgumentException("a plain network adds nothing");
      }
      return conv.forward(ops, x, activation);
    }
  }

  @Override
  public List<Tensor> forward(Ops ops, Tensor images) {
    Tensor x = images;
    for (int i = 0; i < convolutions.size(); i++) {
      Tensor y = norms.get(i).forward(ops, convolutions.get(i), x, null, Activation.RELU);
      ops.release(x);
      x = y;
    }
    return List.of(x);
  }

  @Override
  public long outChannels() {
    return channels;
  }

  @Override
  public Optional<Module> pretrained() {
    return Optional.of(this);
  }
}
