package com.example.model;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.detection.Found;
import dev.cocoli.detection.FoundPart;
import dev.cocoli.detection.GroundTruth;
import dev.cocoli.detection.head.BoxHead;
import dev.cocoli.detection.head.FeatureMaps;
import dev.cocoli.detection.head.RoiBranch;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiPooler;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.nn.Linear;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Learns where in its box the {@link Grip} of an object is, and adds it to detections. */
final class GripBranch implements RoiBranch {
  private final RoiPooler pooler;
  private final BoxHead head;
  private final Linear point;

  GripBranch(RoiPooler pooler, BoxHead head) {
    this.pooler = pooler;
    this.head = head;
    point = new Linear(head.outFeatures(), 4); // the smooth L1 loss takes four numbers
  }

  @Override
  public Map<String, Module> modules() {
    Map<String, Module> modules = new LinkedHashMap<>();
    modules.put("grip_head", head);
    modules.put("grip", point);
    return modules;
  }

  @Override
  public List<String> lossNames() {
    return List.of("loss_grip");
  }

  @Override
  public void train(Ops ops, FeatureMaps features, RoiSampler.Sample sample, Tensor losses) {
    SampleTargets targets = sample.targets(ops, BoxCoderSpec.UNIT);
    Tensor predicted = predict(ops, features, targets.rois());
    Tensor wanted = ops.gatherRows(upload(ops, sample.groundTruth()), sample.objects(ops));
    new Losses(ops)
        .smoothL1(0.1f, predicted, wanted.reshape(predicted.dim(0), 4), targets.labels(), losses);
  }

  /** The grips of the objects, {@code [N,G,4]}: twice x and y. */
  private static Tensor upload(Ops ops, GroundTruth groundTruth) {
    int images = groundTruth.targets().size();
    int most = Math.toIntExact(groundTruth.boxes().dim(1));
    float[] points = new float[images * most * 4];
    for (int image = 0; image < images; image++) {
      int at = 4 * image * most;
      for (Annotation object : groundTruth.targets().get(image).objects()) {
        Grip grip = object.part(Grip.class).orElseThrow();
        Box box = object.box();
        for (int twice = 0; twice < 2; twice++) {
          points[at++] = ((float) grip.x() - box.x1()) / box.width();
          points[at++] = ((float) grip.y() - box.y1()) / box.height();
        }
      }
    }
    return ops.upload(points, images, most, 4);
  }

  private Tensor predict(Ops ops, FeatureMaps features, Tensor rois) {
    Tensor pooled = pooler.forward(ops, features.batch(), features.maps(), rois);
    return point.predict(ops, head.forward(ops, pooled));
  }

  @Override
  public Found detect(Ops ops, FeatureMaps features, Found found) {
    Tensor rois = RoiHeads.withImageNumbers(ops, found.boxes());
    Tensor values = predict(ops, features, rois).reshape(found.boxes().shape().toArray());
    return found.with(
        new FoundPart(
            values,
            (detection, numbers) ->
                new Grip(
                    detection.box().x1() + numbers[0] * detection.box().width(),
                    detection.box().y1() + numbers[1] * detection.box().height())));
  }
}
