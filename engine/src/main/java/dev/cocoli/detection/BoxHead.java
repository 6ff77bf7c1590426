package dev.cocoli.detection;

import dev.cocoli.backend.Activation;
import dev.cocoli.nn.Layout;
import dev.cocoli.nn.Linear;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;

/**
 * Two fully connected layers over a pooled region (torchvision's {@code TwoMLPHead}). In: {@code
 * [R,bins,bins,C]}; out: {@code [R,D]}.
 */
final class BoxHead extends Module {
  private final Linear fc6;
  private final Linear fc7;

  BoxHead(long channels, long bins, long size) {
    fc6 =
        child(
            "fc6",
            new Linear(channels * bins * bins, size, new Layout.FlattenedMap(channels, bins)));
    fc7 = child("fc7", new Linear(size, size));
  }

  Tensor forward(Ops ops, Tensor pooled) {
    Tensor flat =
        ops.reshape(pooled, pooled.dim(0), pooled.elementCount() / Math.max(1, pooled.dim(0)));
    Tensor hidden = fc6.forward(ops, flat, Activation.RELU);
    ops.release(flat);
    Tensor features = fc7.forward(ops, hidden, Activation.RELU);
    ops.release(hidden);
    return features;
  }
}
