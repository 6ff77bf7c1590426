package dev.cocoli.nn.weights;

import dev.cocoli.detection.backbone.FeaturePyramidNetwork;
import dev.cocoli.detection.head.ConvRpnHead;
import dev.cocoli.nn.BatchNorm2d;
import dev.cocoli.nn.Module;
import java.util.List;

/** The module of the reference script {@code weights/make.py}. */
final class SmallModule extends Module {
  SmallModule() {
    child("fpn", new FeaturePyramidNetwork(List.of(2L, 3L), 2));
    child("head", new ConvRpnHead(2, 3));
    child("norm", new BatchNorm2d(2, 1e-5f));
  }
}
