package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.kernels.SelectKernels.Parts;
import dev.cocoli.backend.cuda.kernels.SelectKernels.Sorted;
import dev.cocoli.backend.primitives.Proposals;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;

/** Selects, decodes and suppresses boxes. */
final class ProposalKernels implements Proposals {
  private static final String FILE = "proposal";
  private static final String NMS = "nms";
  private static final Kernel SCORE_KEYS = new Kernel(FILE, "score_keys");
  private static final Kernel DECODE_PROPOSALS = new Kernel(FILE, "decode_proposals");
  private static final Kernel DECODE_DETECTIONS = new Kernel(FILE, "decode_detections");
  private static final Kernel NMS_KEYS = new Kernel(NMS, "nms_keys");
  private static final Kernel NMS_SUPPRESS = new Kernel(NMS, "nms_suppress");
  private static final Kernel NMS_INDICES = new Kernel(NMS, "nms_indices");

  /** Buckets of groups: nms.cu has the same number. */
  private static final long NMS_BUCKETS = 32;

  private static final int NMS_THREADS = 1024;
  private static final long WARP = 32;

  private final KernelCall call;
  private final BufferPool pool;
  private final SelectKernels select;

  ProposalKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
    select = new SelectKernels(call);
  }

  @Override
  public void topK(Tensor scores, long[] levelOffsets, long[] k, Tensor indices) {
    if (indices.elementCount() == 0) {
      return;
    }
    long rows = scores.dim(0);
    long count = scores.elementCount();
    long[] begins = new long[k.length];
    long[] sizes = new long[k.length];
    for (int level = 0; level < k.length; level++) {
      begins[level] = levelOffsets[level];
      sizes[level] = levelOffsets[level + 1] - levelOffsets[level];
    }
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor keys = scope.allocate(DType.I64, count);
      call.of(SCORE_KEYS)
          .tensor(scores)
          .tensor(keys)
          .i64(count)
          .divider(scores.dim(1), count)
          .over(count);
      Parts levels = new Parts(rows, scores.dim(1), begins, sizes, null);
      Sorted best = select.smallest(scope, keys, levels, k);
      select.writeIndices(best.keys(), null, indices.dim(1), indices);
    }
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
    long count = indices.elementCount();
    if (count == 0) {
      return;
    }
    call.of(DECODE_PROPOSALS)
        .tensor(deltas)
        .tensor(logits)
        .tensor(anchors)
        .tensor(indices)
        .tensor(imageSizes)
        .output(boxes)
        .output(scores)
        .i64(count)
        .i64(anchors.dim(0))
        .divider(indices.dim(1), count);
    writeCoder(coder).f32(minSize).f32(minScore).over(count);
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
    long regions = rois.dim(0) * rois.dim(1);
    if (regions == 0) {
      return;
    }
    call.of(DECODE_DETECTIONS)
        .tensor(logits)
        .tensor(deltas)
        .tensor(rois)
        .tensor(imageSizes)
        .output(boxes)
        .output(scores)
        .i64(regions)
        .divider(rois.dim(1), regions)
        .i32(logits.dim(2));
    writeCoder(coder).f32(minSize).f32(scoreThreshold).over(regions * WARP);
  }

  private KernelCall writeCoder(BoxCoderSpec coder) {
    return call.f32(coder.weightX())
        .f32(coder.weightY())
        .f32(coder.weightWidth())
        .f32(coder.weightHeight())
        .f32(BoxCoderSpec.MAX_LOG_RATIO);
  }

  @Override
  public void nms(
      float iouThreshold,
      Tensor boxes,
      Tensor scores,
      Tensor groups,
      Tensor indices,
      Tensor counts) {
    long images = boxes.dim(0);
    long room = boxes.dim(1);
    long wanted = indices.dim(1);
    if (images == 0) {
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      long chunks = Math.ceilDiv(room, (long) NMS_THREADS);
      Tensor zeros = scope.allocate(DType.U8, images * (Integer.BYTES * (1 + chunks) + room));
      call.queue().zero(zeros.segment());
      Tensor candidates = zeros.view(0, Shape.of(images), DType.I32);
      Tensor keptOfChunk = zeros.view(candidates.byteSize(), Shape.of(images, chunks), DType.I32);
      Tensor keeps =
          zeros.view(
              candidates.byteSize() + keptOfChunk.byteSize(), Shape.of(images, room), DType.U8);
      Tensor keys = scope.allocate(DType.I64, images, Math.max(1, room));
      if (room > 0 && wanted > 0) {
        call.of(NMS_KEYS)
            .tensor(scores)
            .tensor(keys)
            .tensor(candidates)
            .i64(room)
            .blocks(Math.ceilDiv(room, KernelCall.THREADS), images, KernelCall.THREADS, 0);
        keys = select.sort(scope, keys, Parts.rows(images, room, candidates));
        long most = Math.min(wanted, room);
        Tensor keptBoxes = scope.allocate(DType.F32, images, NMS_BUCKETS, most, 4);
        Tensor keptGroups = scope.allocate(DType.I32, images, NMS_BUCKETS, most);
        call.of(NMS_SUPPRESS)
            .tensor(boxes)
            .tensor(groups)
            .tensor(keys)
            .tensor(candidates)
            .tensor(keptBoxes)
            .tensor(keptGroups)
            .tensor(keeps)
            .tensor(keptOfChunk)
            .i64(room)
            .i32(most)
            .f32(iouThreshold)
            .blocks(NMS_BUCKETS, images, NMS_THREADS, 0);
      }
      call.of(NMS_INDICES)
          .tensor(keys)
          .tensor(candidates)
          .tensor(keeps)
          .output(indices)
          .output(counts)
          .i64(room)
          .i32(wanted)
          .blocks(images, NMS_THREADS);
    }
  }
}
