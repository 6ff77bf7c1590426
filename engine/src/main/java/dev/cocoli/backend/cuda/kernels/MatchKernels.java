package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.kernels.SelectKernels.Parts;
import dev.cocoli.backend.cuda.kernels.SelectKernels.Sorted;
import dev.cocoli.backend.primitives.Matching;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.MatchSpec.LowQuality;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Matches boxes with objects, draws samples and says what they are to learn. */
final class MatchKernels implements Matching {
  private static final String FILE = "match";
  private static final Kernel MATCH_BOXES = new Kernel(FILE, "match_boxes");
  private static final Kernel MATCH_BEST_BOXES = new Kernel(FILE, "match_best_boxes");
  private static final Kernel SAMPLE_KEYS = new Kernel(FILE, "sample_keys");
  private static final Kernel JOIN_SAMPLE = new Kernel(FILE, "join_sample");
  private static final Kernel SAMPLE_TARGETS = new Kernel(FILE, "sample_targets");

  /** Images whose seeds a kernel takes: match.cu has the same number. */
  private static final int SEEDS = 64;

  private final KernelCall call;
  private final BufferPool pool;
  private final SelectKernels select;

  MatchKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
    select = new SelectKernels(call);
  }

  @Override
  public void matchBoxes(
      MatchSpec spec, Tensor boxes, Tensor groundTruth, Tensor groundTruthCounts, Tensor matches) {
    long images = matches.dim(0);
    long count = matches.dim(1);
    if (images == 0 || count == 0) {
      return;
    }
    if (spec.lowQuality() == LowQuality.REFUSE) {
      matchByThreshold(spec, boxes, groundTruth, groundTruthCounts, matches, null, null, null);
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor bestOfBox = scope.allocate(DType.F32, images, count);
      Tensor objectOfBox = scope.allocate(DType.I32, images, count);
      Tensor bestOfObject = scope.allocate(DType.I32, images, Math.max(1, groundTruth.dim(1)));
      call.queue().zero(bestOfObject.segment());
      matchByThreshold(
          spec,
          boxes,
          groundTruth,
          groundTruthCounts,
          matches,
          bestOfBox,
          objectOfBox,
          bestOfObject);
      writeMatching(
              MATCH_BEST_BOXES,
              boxes,
              groundTruth,
              groundTruthCounts,
              matches,
              bestOfBox,
              objectOfBox,
              bestOfObject)
          .blocks(Math.ceilDiv(count, KernelCall.THREADS), images, KernelCall.THREADS, 0);
    }
  }

  private void matchByThreshold(
      MatchSpec spec,
      Tensor boxes,
      Tensor groundTruth,
      Tensor groundTruthCounts,
      Tensor matches,
      Tensor bestOfBox,
      Tensor objectOfBox,
      Tensor bestOfObject) {
    writeMatching(
            MATCH_BOXES,
            boxes,
            groundTruth,
            groundTruthCounts,
            matches,
            bestOfBox,
            objectOfBox,
            bestOfObject)
        .f32(spec.highThreshold())
        .f32(spec.lowThreshold())
        .f32(spec.ignoreThreshold())
        .blocks(
            Math.ceilDiv(matches.dim(1), KernelCall.THREADS),
            matches.dim(0),
            KernelCall.THREADS,
            0);
  }

  /** Writes what both passes take. */
  private KernelCall writeMatching(
      Kernel kernel,
      Tensor boxes,
      Tensor groundTruth,
      Tensor groundTruthCounts,
      Tensor matches,
      Tensor bestOfBox,
      Tensor objectOfBox,
      Tensor bestOfObject) {
    return call.of(kernel)
        .tensor(boxes)
        .tensor(groundTruth)
        .tensor(groundTruthCounts)
        .output(matches)
        .tensor(bestOfBox)
        .tensor(objectOfBox)
        .tensor(bestOfObject)
        .i64(matches.dim(1))
        .i64(boxStride(boxes))
        .i64(groundTruth.dim(1));
  }

  private static long boxStride(Tensor boxes) {
    return boxes.dim(0) == 1 ? 0 : 4 * boxes.dim(1);
  }

  @Override
  public void sampleBalanced(
      SampleSpec spec, Tensor matches, long[] seeds, Tensor indices, Tensor counts) {
    long images = matches.dim(0);
    long count = matches.dim(1);
    long size = Math.min(spec.batchSizePerImage(), count);
    if (images == 0) {
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor keys = scope.allocate(DType.I64, images, Math.max(1, size));
      if (size == 0) {
        call.zero(counts);
        select.writeIndices(keys, counts, 1, indices);
        return;
      }
      long mostMatches = Math.min(spec.maxPositives(), size);
      Sorted drawn = draw(scope, matches, seeds, mostMatches, size);
      call.of(JOIN_SAMPLE)
          .tensor(drawn.keys())
          .tensor(drawn.parts().counts())
          .tensor(keys)
          .output(counts)
          .i64(images)
          .i64(mostMatches)
          .i64(size)
          .divider(size, images * size)
          .over(images * size);
      Tensor sorted = select.sort(scope, keys, Parts.rows(images, size, counts));
      select.writeIndices(sorted, counts, size, indices);
    }
  }

  /** Draws of each image the most matches and the most background that a sample may need. */
  private Sorted draw(
      TensorScope scope, Tensor matches, long[] seeds, long mostMatches, long size) {
    long images = matches.dim(0);
    long count = matches.dim(1);
    Tensor keys = scope.allocate(DType.I64, images, 2, count);
    Tensor counts = scope.allocate(DType.I32, images, 2);
    call.queue().zero(counts.segment());
    for (int first = 0; first < images; first += SEEDS) {
      call.of(SAMPLE_KEYS).tensor(matches).tensor(keys).tensor(counts).i64(count).i64(first);
      for (int i = 0; i < SEEDS; i++) {
        call.i64(first + i < images ? seeds[first + i] : 0);
      }
      call.blocks(
          Math.ceilDiv(count, KernelCall.THREADS),
          Math.min(SEEDS, images - first),
          KernelCall.THREADS,
          0);
    }
    Parts kinds =
        new Parts(images, 2 * count, new long[] {0, count}, new long[] {count, count}, counts);
    return select.smallest(scope, keys, kinds, new long[] {mostMatches, size});
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
    long count = indices.elementCount();
    if (count == 0) {
      return;
    }
    call.of(SAMPLE_TARGETS)
        .tensor(boxes)
        .tensor(indices)
        .tensor(matches)
        .tensor(groundTruth)
        .tensor(groundTruthLabels)
        .output(rois)
        .output(labels)
        .output(targets)
        .i64(count)
        .i64(boxes.dim(1))
        .i64(boxStride(boxes))
        .i64(groundTruth.dim(1))
        .divider(indices.dim(1), count)
        .f32(coder.weightX())
        .f32(coder.weightY())
        .f32(coder.weightWidth())
        .f32(coder.weightHeight())
        .over(count);
  }
}
