package com.example.model;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.detection.Found;
import dev.cocoli.detection.head.BoxHead;
import dev.cocoli.detection.head.FeatureMaps;
import dev.cocoli.detection.head.RoiBranch;
import dev.cocoli.detection.head.RoiPooler;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.nn.Linear;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** Classifies each region once more, by layers of its own. Detection counts what it is asked. */
final class SecondOpinion implements RoiBranch {
  /** How many batches of detections the branches of all models were shown. */
  static final AtomicInteger SHOWN = new AtomicInteger();

  private final RoiPooler pooler;
  private final BoxHead head;
  private final Linear score;

  SecondOpinion(RoiPooler pooler, BoxHead head, int classes) {
    this.pooler = pooler;
    this.head = head;
    score = new Linear(head.outFeatures(), classes);
  }

  @Override
  public Map<String, Module> modules() {
    Map<String, Module> modules = new LinkedHashMap<>();
    modules.put("second_head", head);
    modules.put("second_score", score);
    return modules;
  }

  @Override
  public List<String> lossNames() {
    return List.of("loss_second_opinion");
  }

  @Override
  public void train(Ops ops, FeatureMaps features, RoiSampler.Sample sample, Tensor losses) {
    SampleTargets targets = sample.targets(ops, BoxCoderSpec.UNIT);
    Tensor pooled = pooler.forward(ops, features.batch(), features.maps(), targets.rois());
    Tensor logits = score.predict(ops, head.forward(ops, pooled));
    new Losses(ops).softmaxCrossEntropy(logits, targets.labels(), losses);
  }

  @Override
  public Found detect(Ops ops, FeatureMaps features, Found found) {
    SHOWN.incrementAndGet();
    return found;
  }
}
