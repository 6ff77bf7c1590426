package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.SplitBatchNorm;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * The primitives that kernels of our own run. What is left to a subclass is what needs a library or
 * a driver: memory, transfers, convolutions and matrix products. So the tests run all of this on
 * the host, with the same kernels compiled for it.
 */
public abstract class KernelBackend implements Backend {
  private final MemoryKernels memory;
  private final ElementwiseKernels elementwise;
  private final BatchNormKernels batchNorm;
  private final SplitBatchNormKernels splitBatchNorm;
  private final PoolingKernels pooling;
  private final UpsampleKernels upsample;
  private final ImageKernels images;
  private final RegionKernels regions;
  private final PatchKernels patches;
  private final ProposalKernels proposals;
  private final MatchKernels matching;
  private final LossKernels losses;
  private final UpdateKernels updates;

  /**
   * Prepares the kernels; none is compiled before its first use.
   *
   * @param queue where they go
   * @param pool where they take scratch memory from, which the queue's order protects
   * @param summation how they add what comes in any order
   */
  public KernelBackend(DeviceQueue queue, BufferPool pool, Summation summation) {
    KernelCall call = new KernelCall(queue);
    memory = new MemoryKernels(call);
    elementwise = new ElementwiseKernels(call, pool);
    batchNorm = new BatchNormKernels(call, pool);
    splitBatchNorm = new SplitBatchNormKernels(call, pool, batchNorm);
    pooling = new PoolingKernels(call);
    upsample = new UpsampleKernels(call);
    images = new ImageKernels(call);
    regions = new RegionKernels(call, pool, summation);
    patches = new PatchKernels(call, pool);
    proposals = new ProposalKernels(call, pool);
    matching = new MatchKernels(call, pool);
    losses = new LossKernels(call, pool);
    updates = new UpdateKernels(call, pool);
  }

  /** Returns the kernels that libraries' work is finished with. */
  public ElementwiseKernels elementwise() {
    return elementwise;
  }

  /** Returns the kernels that copy, fill and convert. */
  public MemoryKernels memory() {
    return memory;
  }

  /** The capacity: reading what the device holds would wait for it. */
  @Override
  public long upperBound(Tensor counts, long capacity) {
    return capacity;
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    memory.copy(from, to);
    to.buffer().markWritten();
  }

  @Override
  public void copyColumns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns) {
    memory.copyColumns(from, fromColumn, to, toColumn, columns);
    to.buffer().markWritten();
  }

  @Override
  public void fill(Tensor x, float value) {
    memory.fill(x, value);
    x.buffer().markWritten();
  }

  @Override
  public void cast(Tensor x, Tensor y) {
    memory.cast(x, y);
  }

  @Override
  public void maxPool2d(Pool2dSpec spec, Tensor x, Tensor y, Tensor argmax) {
    pooling.maxPool2d(spec, x, y, argmax);
  }

  @Override
  public void maxPool2dBackward(Pool2dSpec spec, Tensor dy, Tensor argmax, Tensor dx) {
    pooling.maxPool2dBackward(spec, dy, argmax, dx);
  }

  @Override
  public void batchNorm(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar,
      Tensor mean,
      Tensor invStd,
      Tensor y) {
    batchNorm.batchNorm(spec, x, weight, bias, residual, runningMean, runningVar, mean, invStd, y);
    runningMean.buffer().markWritten();
    runningVar.buffer().markWritten();
  }

  @Override
  public void batchNormBackward(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor dx,
      Tensor dWeight,
      Tensor dBias) {
    batchNorm.batchNormBackward(
        spec, x, weight, bias, residual, mean, invStd, y, dy, dx, dWeight, dBias);
  }

  @Override
  public Optional<SplitBatchNorm> splitBatchNorm() {
    return Optional.of(splitBatchNorm);
  }

  @Override
  public void foldBatchNorm(
      Tensor weight, Tensor bias, Tensor mean, Tensor var, float eps, Tensor scale, Tensor shift) {
    updates.foldBatchNorm(weight, bias, mean, var, eps, scale, shift);
    scale.buffer().markWritten();
    shift.buffer().markWritten();
  }

  @Override
  public void add(Tensor a, Tensor b, Tensor y) {
    elementwise.add(a, b, y);
    y.buffer().markWritten();
  }

  @Override
  public void reluBackward(Tensor y, Tensor dy) {
    elementwise.reluBackward(y, dy);
  }

  @Override
  public void upsampleNearest(Tensor x, Tensor addend, Tensor y) {
    upsample.upsampleNearest(x, addend, y);
  }

  @Override
  public void upsampleNearestBackward(Tensor dy, Tensor dx) {
    upsample.upsampleNearestBackward(dy, dx);
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    losses.softmax(x, y);
  }

  @Override
  public void gatherRows(Tensor x, Tensor indices, Tensor y) {
    regions.gatherRows(x, indices, y);
  }

  @Override
  public void scatterRows(Tensor dy, Tensor indices, Tensor dx) {
    regions.scatterRows(dy, indices, dx);
  }

  @Override
  public void resizeNormalize(
      NormalizeSpec spec, Tensor image, long height, long width, Tensor slot) {
    images.resizeNormalize(spec, image, height, width, slot);
  }

  @Override
  public void topK(Tensor scores, long[] levelOffsets, long[] k, Tensor indices) {
    proposals.topK(scores, levelOffsets, k, indices);
  }

  @Override
  public void decodeProposals(
      BoxCoderSpec coder,
      Tensor deltas,
      Tensor logits,
      Tensor anchors,
      Tensor indices,
      Tensor imageSizes,
      float minSize,
      float minScore,
      Tensor boxes,
      Tensor scores) {
    proposals.decodeProposals(
        coder, deltas, logits, anchors, indices, imageSizes, minSize, minScore, boxes, scores);
  }

  @Override
  public void decodeDetections(
      BoxCoderSpec coder,
      Tensor logits,
      Tensor deltas,
      Tensor rois,
      Tensor imageSizes,
      float minSize,
      float scoreThreshold,
      Tensor boxes,
      Tensor scores) {
    proposals.decodeDetections(
        coder, logits, deltas, rois, imageSizes, minSize, scoreThreshold, boxes, scores);
  }

  @Override
  public void nms(
      float iouThreshold,
      Tensor boxes,
      Tensor scores,
      Tensor groups,
      Tensor indices,
      Tensor counts) {
    proposals.nms(iouThreshold, boxes, scores, groups, indices, counts);
  }

  @Override
  public void matchBoxes(
      MatchSpec spec, Tensor boxes, Tensor groundTruth, Tensor groundTruthCounts, Tensor matches) {
    matching.matchBoxes(spec, boxes, groundTruth, groundTruthCounts, matches);
  }

  @Override
  public void sampleBalanced(
      SampleSpec spec, Tensor matches, long[] seeds, Tensor indices, Tensor counts) {
    matching.sampleBalanced(spec, matches, seeds, indices, counts);
  }

  @Override
  public void sampleTargets(
      BoxCoderSpec coder,
      Tensor boxes,
      Tensor indices,
      Tensor matches,
      Tensor groundTruth,
      Tensor groundTruthLabels,
      Tensor rois,
      Tensor labels,
      Tensor targets) {
    matching.sampleTargets(
        coder, boxes, indices, matches, groundTruth, groundTruthLabels, rois, labels, targets);
  }

  @Override
  public void roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor y) {
    regions.roiAlign(spec, maps, rois, y);
  }

  @Override
  public void roiAlignBackward(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    regions.roiAlignBackward(spec, dy, rois, dMaps);
  }

  @Override
  public void roiPool(RoiPoolSpec spec, Tensor map, Tensor rois, Tensor y, Tensor argmax) {
    regions.roiPool(spec, map, rois, y, argmax);
  }

  @Override
  public void roiPoolBackward(
      RoiPoolSpec spec, Tensor dy, Tensor rois, Tensor argmax, Tensor dMap) {
    regions.roiPoolBackward(spec, dy, rois, argmax, dMap);
  }

  @Override
  public void gatherPatches(
      PatchSpec spec, List<Tensor> maps, Tensor anchors, Tensor patches, Tensor slots) {
    this.patches.gatherPatches(spec, maps, anchors, patches, slots);
  }

  @Override
  public void gatherPatchesBackward(
      PatchSpec spec, Tensor dPatches, Tensor anchors, List<Tensor> dMaps) {
    patches.gatherPatchesBackward(spec, dPatches, anchors, dMaps);
  }

  @Override
  public void softmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    losses.softmaxCrossEntropy(logits, labels, loss, dLogits);
  }

  @Override
  public void sigmoidCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    losses.sigmoidCrossEntropy(logits, labels, loss, dLogits);
  }

  @Override
  public void smoothL1(
      float beta,
      Tensor predictions,
      Tensor targets,
      Tensor labels,
      Tensor loss,
      Tensor dPredictions) {
    losses.smoothL1(beta, predictions, targets, labels, loss, dPredictions);
  }

  @Override
  public void squaredNorm(Tensor x, Tensor sum) {
    updates.squaredNorm(x, sum);
  }

  @Override
  public void clipByNorm(Tensor gradient, Tensor squaredNorm, float maxNorm) {
    updates.clipByNorm(gradient, squaredNorm, maxNorm);
  }

  @Override
  public void sgdUpdate(SgdSpec spec, Tensor parameter, Tensor gradient, Tensor velocity) {
    updates.sgdUpdate(spec, parameter, gradient, velocity);
    parameter.buffer().markWritten();
  }
}
