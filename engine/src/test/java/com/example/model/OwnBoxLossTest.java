package com.example.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.detection.GroundTruth;
import dev.cocoli.detection.ImageBatch;
import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.detection.config.SamplingConfig;
import dev.cocoli.detection.head.BoxBranch;
import dev.cocoli.detection.head.BoxLoss;
import dev.cocoli.detection.head.FeatureMaps;
import dev.cocoli.detection.head.OneMapRoiPool;
import dev.cocoli.detection.head.Proposals;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiPooling;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.detection.head.TwoMlpHead;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A program gives the box branch another loss. */
class OwnBoxLossTest {
  private static final int BINS = 2;
  private static final int CLASSES = 3;
  private static final BoxHeadConfig CONFIG = BoxHeadConfig.DEFAULT;

  /** The losses and the gradients of heads with a loss of boxes, always of the same weights. */
  private static float[][] train(BoxLoss loss) {
    OneMapRoiPool pooler = new OneMapRoiPool(RoiPooling.ALIGN, BINS, 2);
    BoxBranch box = new BoxBranch(CONFIG, pooler, new TwoMlpHead(1, BINS, 4), loss, CLASSES);
    RoiHeads heads = new RoiHeads(new RoiSampler(SamplingConfig.DEFAULT), box);
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forTraining(backend, heads);
        TensorScope scope = new TensorScope(backend.pool())) {
      parameters.initialize(1);
      Ops ops = new Ops(backend, scope, new Tape());
      parameters.watch(ops.tape());
      float[] pixels = new float[64];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = i % 7;
      }
      Tensor map = ops.upload(pixels, 1, 8, 8, 1);
      ImageBatch batch =
          new ImageBatch(
              map,
              ops.upload(new float[] {8, 8}, 1, 2),
              List.of(new long[] {8, 8}),
              List.of(new long[] {8, 8}));
      Target target = new Target(List.of(new Box(1, 1, 6, 6)), new int[] {2});
      GroundTruth groundTruth = batch.groundTruth(ops, List.of(target));
      Proposals proposals =
          new Proposals(
              ops.upload(new float[] {1, 2, 6, 7}, 1, 1, 4), ops.upload(new int[] {1}, 1));
      Tensor losses = ops.allocate(DType.F32, 2);
      heads.train(
          ops,
          new FeatureMaps(batch, List.of(map)),
          proposals,
          groundTruth,
          new long[] {3},
          losses);
      ops.backward();
      return new float[][] {ops.download(losses), ops.download(parameters.gradients())};
    }
  }

  @Test
  void itIsWhatTheBranchLearns() {
    float[][] usual = train(BoxLoss.smoothL1(CONFIG.smoothL1Beta()));
    float[][] twice =
        train(
            (ops, deltas, targets, loss) -> {
              Tensor half = ops.allocate(DType.F32, 1);
              BoxLoss one = BoxLoss.smoothL1(CONFIG.smoothL1Beta());
              one.write(ops, deltas, targets, half);
              one.write(ops, deltas, targets, loss);
              ops.backend().updates().scale(loss, 2);
            });
    assertTrue(usual[0][1] > 0);
    assertEquals(usual[0][0], twice[0][0]);
    assertEquals(2 * usual[0][1], twice[0][1]);
    int last = usual[1].length - 1;
    boolean moved = false;
    for (int i = last - 4 * CLASSES + 1; i <= last; i++) { // bbox_pred.bias comes last
      assertEquals(2 * usual[1][i], twice[1][i]);
      moved |= usual[1][i] != 0;
    }
    assertTrue(moved);
  }
}
