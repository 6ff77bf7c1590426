package dev.cocoli.backend.cpu;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.Constants;
import dev.cocoli.backend.HostLayouts;
import dev.cocoli.backend.SplitBatchNorm;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cpu.loops.BatchNormSums;
import dev.cocoli.backend.cpu.loops.ElementwiseLoops;
import dev.cocoli.backend.cpu.loops.ImageLoops;
import dev.cocoli.backend.cpu.loops.LossLoops;
import dev.cocoli.backend.cpu.loops.MatchLoops;
import dev.cocoli.backend.cpu.loops.MemoryLoops;
import dev.cocoli.backend.cpu.loops.PatchLoops;
import dev.cocoli.backend.cpu.loops.ProposalLoops;
import dev.cocoli.backend.cpu.loops.RegionLoops;
import dev.cocoli.backend.cpu.loops.UpdateLoops;
import dev.cocoli.backend.cpu.loops.UpsampleLoops;
import dev.cocoli.backend.cpu.onednn.OneDnnBatchNorm;
import dev.cocoli.backend.cpu.onednn.OneDnnCast;
import dev.cocoli.backend.cpu.onednn.OneDnnContext;
import dev.cocoli.backend.cpu.onednn.OneDnnConvolution;
import dev.cocoli.backend.cpu.onednn.OneDnnElementwise;
import dev.cocoli.backend.cpu.onednn.OneDnnLinear;
import dev.cocoli.backend.cpu.onednn.OneDnnMatmul;
import dev.cocoli.backend.cpu.onednn.OneDnnPooling;
import dev.cocoli.backend.cpu.onednn.OneDnnTranspose;
import dev.cocoli.backend.cpu.onednn.OneDnnWeightGradient;
import dev.cocoli.backend.cpu.onednn.PackedWeights;
import dev.cocoli.backend.cpu.onednn.SplitOneDnnBatchNorm;
import dev.cocoli.backend.cpu.onednn.WindowLoops;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.bindings.OneDnn;
import dev.cocoli.bindings.OpenMpSettings;
import dev.cocoli.bindings.OpenMpTeam;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The host's processor. Every primitive has run when its call returns. The property {@code
 * cocoli.threads} says how many threads compute, for oneDNN and for the loops in Java alike;
 * without it as many as the JVM has processors.
 */
public final class CpuBackend implements Backend {
  private final CpuMemory memory = new CpuMemory();
  private final BufferPool pool = new BufferPool(memory::allocate);
  private final Constants constants = new Constants(this, memory::allocate);
  private final Workers workers;
  private final OneDnnContext context;
  private final PackedWeights packedWeights;
  private final OneDnnConvolution convolution;
  private final OneDnnWeightGradient weightGradient;
  private final OneDnnMatmul matmul;
  private final OneDnnLinear linear;
  private final OneDnnPooling pooling;
  private final OneDnnCast cast;
  private final OneDnnTranspose transpose;
  private final OneDnnElementwise maps;
  private final MemoryLoops memoryLoops;
  private final OneDnnBatchNorm batchNorm;
  private final ElementwiseLoops elementwise;
  private final UpsampleLoops upsample;
  private final RegionLoops regions;
  private final PatchLoops patches;
  private final ProposalLoops proposals;
  private final MatchLoops matching;
  private final LossLoops losses;
  private final UpdateLoops updates;
  private final ImageLoops images;
  private long downloadCount;
  private boolean closed;

  /** Loads oneDNN and starts the threads. */
  public CpuBackend() {
    this(threads());
  }

  /**
   * Loads oneDNN and starts the threads.
   *
   * @param threads how many compute; oneDNN keeps the number it was first loaded with
   */
  public CpuBackend(int threads) {
    context = new OneDnnContext(openMpSettings(threads), pool);
    workers = new Workers(threads);
    memoryLoops = new MemoryLoops(workers);
    elementwise = new ElementwiseLoops(workers);
    packedWeights = new PackedWeights(context, elementwise, memory::allocate);
    convolution = new OneDnnConvolution(context, packedWeights);
    matmul = new OneDnnMatmul(context, packedWeights);
    weightGradient =
        new OneDnnWeightGradient(
            context,
            matmul,
            elementwise,
            new WindowLoops(workers),
            OneDnnWeightGradient.fastest(context));
    linear = new OneDnnLinear(matmul, elementwise);
    pooling = new OneDnnPooling(context);
    cast = new OneDnnCast(context);
    transpose = new OneDnnTranspose(context);
    maps = new OneDnnElementwise(context);
    batchNorm = new OneDnnBatchNorm(context, maps, new BatchNormSums(workers));
    upsample = new UpsampleLoops(workers);
    regions = new RegionLoops(workers, pool, cast);
    patches = new PatchLoops(workers);
    proposals = new ProposalLoops(workers);
    matching = new MatchLoops(workers);
    losses = new LossLoops(workers);
    updates = new UpdateLoops(workers);
    images = new ImageLoops(workers);
  }

  /**
   * Opens one of several backends that compute at once, each with its part of the threads, for the
   * calling thread: oneDNN computes with as many as the thread that calls it was given here.
   *
   * @param replicas how many there are
   * @return the backend; the calling thread alone may use it
   */
  public static CpuBackend ofReplica(int replicas) {
    OneDnn.load(openMpSettings(threads()));
    int share = Math.max(1, threads() / replicas);
    OpenMpTeam.resize(share);
    return new CpuBackend(share);
  }

  private static int threads() {
    int threads = Integer.getInteger("cocoli.threads", Runtime.getRuntime().availableProcessors());
    if (threads < 1) {
      throw new IllegalArgumentException("cocoli.threads is " + threads + "; it is at least 1");
    }
    return threads;
  }

  private static OpenMpSettings openMpSettings(int threads) {
    return new OpenMpSettings(
        OptionalInt.of(threads), OpenMpSettings.WaitPolicy.UNSET, OptionalLong.of(SPIN_COUNT));
  }

  /**
   * Rounds that oneDNN's threads spin before they sleep: some microseconds, so that they neither
   * miss the next primitive of a chain nor keep the cores from the loops in Java behind it.
   */
  private static final long SPIN_COUNT = 10_000;

  @Override
  public Device device() {
    return Device.CPU;
  }

  @Override
  public void require(Precision precision) {
    if (precision == Precision.BF16 && !context.hasBf16()) {
      throw new IllegalArgumentException(
          "this processor does not compute in bf16: that takes AVX-512 with BF16 (Intel from Cooper"
              + " Lake and Sapphire Rapids on, AMD from Zen 4 on), and oneDNN may use no more than "
              + OneDnn.instructionSet()
              + " here; use fp32");
    }
  }

  @Override
  public BufferPool pool() {
    return pool;
  }

  @Override
  public Constants constants() {
    return constants;
  }

  @Override
  public Buffer allocate(long byteSize) {
    Buffer raw = memory.allocate(byteSize);
    Buffer[] self = new Buffer[1];
    self[0] =
        new Buffer(
            Device.CPU,
            raw.segment(),
            () -> {
              packedWeights.forget(self[0]);
              raw.close();
            });
    packedWeights.remember(self[0]);
    return self[0];
  }

  /**
   * {@return how many pieces of memory are held from the system: those of {@link #allocate}, the
   * pool's chunks and the packed weights; for tests}
   */
  public long liveBuffers() {
    return memory.liveBuffers();
  }

  @Override
  public void upload(MemorySegment host, Tensor to) {
    to.requireByteSize(host);
    // not by the workers: host memory may be confined to this thread
    to.segment().copyFrom(host);
    to.buffer().markWritten();
  }

  @Override
  public void uploadTransposed(MemorySegment host, long outer, long rows, long columns, Tensor to) {
    to.requireByteSize(host);
    if (rows == 1 || columns == 1) {
      upload(host, to);
    } else if (host.isNative()) {
      transpose.transpose(host, outer, rows, columns, to.segment());
      to.buffer().markWritten();
    } else {
      HostLayouts.transpose(host, to.segment(), outer, rows, columns);
      to.buffer().markWritten();
    }
  }

  @Override
  public void download(Tensor from, MemorySegment host) {
    from.requireByteSize(host);
    downloadCount++;
    host.copyFrom(from.segment());
  }

  @Override
  public long downloadCount() {
    return downloadCount;
  }

  @Override
  public void synchronize() {
    context.synchronize();
  }

  @Override
  public long upperBound(Tensor counts, long capacity) {
    long most = 0;
    for (long i = 0; i < counts.elementCount(); i++) {
      most = Math.max(most, counts.segment().getAtIndex(ValueLayout.JAVA_INT, i));
    }
    return Math.min(most, capacity);
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    memoryLoops.copy(from.segment(), to.segment());
    to.buffer().markWritten();
  }

  @Override
  public void copyColumns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns) {
    memoryLoops.copyColumns(from, fromColumn, to, toColumn, columns);
    to.buffer().markWritten();
  }

  @Override
  public void fill(Tensor x, float value) {
    memoryLoops.fill(x, value);
    x.buffer().markWritten();
  }

  @Override
  public void cast(Tensor x, Tensor y) {
    cast.cast(x, y);
  }

  @Override
  public void conv2d(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      Tensor y) {
    convolution.conv2d(spec, x, weight, scale, shift, residual, y);
  }

  @Override
  public void conv2dBackwardData(
      Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor addend, Tensor dx) {
    if (addend == null) {
      convolution.conv2dBackwardData(spec, dy, weight, scale, dx);
      return;
    }
    try (TensorScope scope = new TensorScope(pool())) {
      Tensor product = scope.allocate(dx.dtype(), dx.shape());
      convolution.conv2dBackwardData(spec, dy, weight, scale, product);
      add(product, addend, dx);
    }
  }

  @Override
  public void conv2dBackwardWeight(
      Conv2dSpec spec, Tensor x, Tensor dy, Tensor scale, Tensor dWeight, Tensor dShift) {
    weightGradient.conv2dBackwardWeight(spec, x, dy, scale, dWeight, dShift);
  }

  @Override
  public void linear(Activation activation, Tensor x, Tensor weight, Tensor bias, Tensor y) {
    linear.linear(activation, x, weight, bias, y);
  }

  @Override
  public void linearBackwardData(Tensor dy, Tensor weight, Tensor dx) {
    linear.linearBackwardData(dy, weight, dx);
  }

  @Override
  public void linearBackwardWeight(Tensor x, Tensor dy, Tensor dWeight, Tensor dBias) {
    linear.linearBackwardWeight(x, dy, dWeight, dBias);
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
  public Optional<SplitBatchNorm> splitBatchNorm() {
    return Optional.of(new SplitOneDnnBatchNorm(batchNorm));
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
    batchNorm.batchNormBackward(spec, x, weight, mean, invStd, y, dy, dx, dWeight, dBias);
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
    maps.add(a, b, y);
    y.buffer().markWritten();
  }

  @Override
  public void reluBackward(Tensor y, Tensor dy) {
    maps.reluBackward(y, dy);
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

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    // plans before what they were made with, memory last
    Closing.all(
        convolution,
        weightGradient,
        matmul,
        pooling,
        cast,
        transpose,
        batchNorm,
        maps,
        packedWeights,
        constants,
        context,
        pool,
        workers);
  }
}
