package dev.cocoli.detection.head;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.nn.Layout;
import dev.cocoli.nn.Linear;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;

/**
 * Two fully connected layers over a pooled region (torchvision's {@code TwoMLPHead}). In: {@code
 * [R,bins,bins,C]}; out: {@code [R,D]}.
 */
public final class TwoMlpHead extends BoxHead {
  private final Linear fc6;
  private final Linear fc7;
  private final long size;

  /**
   * Builds the layers.
   *
   * @param channels C
   * @param bins along each axis of a region
   * @param size D, the width of both layers
   */
  public TwoMlpHead(long channels, long bins, long size) {
    this.size = size;
    fc6 =
        child(
            "fc6",
            new Linear(channels * bins * bins, size, new Layout.FlattenedMap(channels, bins)));
    fc7 = child("fc7", new Linear(size, size));
  }

  @Override
  public Tensor forward(Ops ops, Tensor pooled) {
    long features = pooled.dim(1) * pooled.dim(2) * pooled.dim(3); // there may be no region
    Tensor flat = ops.reshape(pooled, pooled.dim(0), features);
    Tensor hidden = fc6.forward(ops, flat, Activation.RELU);
    ops.release(flat);
    Tensor described = fc7.forward(ops, hidden, Activation.RELU);
    ops.release(hidden);
    return described;
  }

  @Override
  public long outFeatures() {
    return size;
  }
}
