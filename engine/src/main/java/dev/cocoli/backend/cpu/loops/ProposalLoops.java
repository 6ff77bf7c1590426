package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.cocoli.backend.cpu.PerThread;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.primitives.Proposals;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Turns scores and deltas into few boxes: top-k, decoding, non-maximum suppression. Images and
 * levels are worked on at once; within one, suppression is greedy and so sequential, but stops as
 * soon as enough boxes stay.
 */
public final class ProposalLoops implements Proposals {
  /** What stands for the score of a box that is dropped. */
  private static final float DROPPED = -1;

  /** Boxes that are one piece of a decoding loop. */
  private static final long DECODE_GRAIN = 256;

  private final Workers workers;
  private final PerThread<SmallestLongs> bests = new PerThread<>(SmallestLongs::new);
  private final PerThread<KeptBoxes> keptBoxes = new PerThread<>(KeptBoxes::new);

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   */
  public ProposalLoops(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void topK(Tensor scores, long[] levelOffsets, long[] k, Tensor indices) {
    MemorySegment values = scores.segment();
    MemorySegment picked = indices.segment();
    long count = scores.dim(1);
    long pickedCount = indices.dim(1);
    int levels = k.length;
    workers.rows(
        scores.dim(0) * levels,
        1,
        (from, to) -> {
          SmallestLongs best = bests.get();
          for (long piece = from; piece < to; piece++) {
            long image = piece / levels;
            int level = (int) (piece % levels);
            best.reset(Math.toIntExact(k[level]));
            long row = image * count;
            int end = Math.toIntExact(levelOffsets[level + 1]);
            for (int i = Math.toIntExact(levelOffsets[level]); i < end; i++) {
              best.offer(ScoreOrder.key(values.getAtIndex(JAVA_FLOAT, row + i), i));
            }
            long into = image * pickedCount;
            for (int before = 0; before < level; before++) {
              into += k[before];
            }
            long[] sorted = best.sorted();
            for (int i = 0; i < best.size(); i++) {
              picked.setAtIndex(JAVA_INT, into + i, ScoreOrder.index(sorted[i]));
            }
          }
        });
    indices.buffer().markWritten();
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
    MemorySegment picked = indices.segment();
    long count = indices.dim(1);
    long anchorCount = anchors.dim(0);
    workers.rows(
        indices.elementCount(),
        DECODE_GRAIN,
        (from, to) -> {
          BoxDecoder decoder = new BoxDecoder(coder);
          for (long i = from; i < to; i++) {
            int anchor = picked.getAtIndex(JAVA_INT, i);
            long at = i / count * anchorCount + anchor;
            decoder.image(imageSizes.segment(), i / count);
            decoder.reference(anchors.segment(), 4L * anchor);
            float side = decoder.decode(deltas.segment(), 4 * at, boxes.segment(), 4 * i);
            float score = sigmoid(logits.segment().getAtIndex(JAVA_FLOAT, at));
            // a comparison with NaN is false, so what is not a number is dropped
            boolean kept = side >= minSize && score >= minScore;
            scores.segment().setAtIndex(JAVA_FLOAT, i, kept ? score : DROPPED);
          }
        });
    boxes.buffer().markWritten();
    scores.buffer().markWritten();
  }

  private static float sigmoid(float x) {
    // rounded after each step, as torch does: near 1 scores are few, and their ties decide the
    // order
    return 1 / (1 + (float) Math.exp(-x));
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
    MemorySegment regions = rois.segment();
    MemorySegment results = scores.segment();
    long count = rois.dim(1);
    int classes = Math.toIntExact(logits.dim(2));
    int objects = classes - 1;
    workers.rows(
        rois.dim(0) * count,
        Math.max(1, DECODE_GRAIN / classes),
        (from, to) -> {
          BoxDecoder decoder = new BoxDecoder(coder);
          float[] shares = new float[classes];
          for (long r = from; r < to; r++) {
            if (regions.getAtIndex(JAVA_FLOAT, 5 * r) < 0) {
              boxes.segment().asSlice(16 * r * objects, 16L * objects).fill((byte) 0);
              for (int i = 0; i < objects; i++) {
                results.setAtIndex(JAVA_FLOAT, r * objects + i, DROPPED);
              }
              continue;
            }
            decoder.image(imageSizes.segment(), r / count);
            decoder.reference(regions, 5 * r + 1);
            LossLoops.probabilities(logits.segment(), r * classes, shares, classes);
            for (int i = 0; i < objects; i++) {
              long into = r * objects + i;
              float side =
                  decoder.decode(
                      deltas.segment(), 4 * (r * classes + i + 1), boxes.segment(), 4 * into);
              float score = shares[i + 1];
              boolean kept = side >= minSize && score > scoreThreshold;
              results.setAtIndex(JAVA_FLOAT, into, kept ? score : DROPPED);
            }
          }
        });
    boxes.buffer().markWritten();
    scores.buffer().markWritten();
  }

  @Override
  public void nms(
      float iouThreshold,
      Tensor boxes,
      Tensor scores,
      Tensor groups,
      Tensor indices,
      Tensor counts) {
    workers.rows(
        boxes.dim(0),
        1,
        (from, to) -> {
          for (long image = from; image < to; image++) {
            nms(iouThreshold, boxes, scores, groups.segment(), indices, counts, image);
          }
        });
    indices.buffer().markWritten();
    counts.buffer().markWritten();
  }

  private void nms(
      float iouThreshold,
      Tensor boxes,
      Tensor scores,
      MemorySegment groups,
      Tensor indices,
      Tensor counts,
      long image) {
    int count = Math.toIntExact(boxes.dim(1));
    int wanted = Math.toIntExact(indices.dim(1));
    MemorySegment corners = boxes.segment();
    MemorySegment values = scores.segment();
    MemorySegment picked = indices.segment();
    SmallestLongs order = bests.get();
    order.reset(count);
    for (int i = 0; i < count; i++) {
      float score = values.getAtIndex(JAVA_FLOAT, image * count + i);
      if (score >= 0) {
        order.offer(ScoreOrder.key(score, i));
      }
    }
    long[] sorted = order.sorted();
    KeptBoxes kept = keptBoxes.get();
    kept.reset(wanted);
    for (int i = 0; i < order.size() && kept.size() < wanted; i++) {
      int box = ScoreOrder.index(sorted[i]);
      int group = groups.getAtIndex(JAVA_INT, box);
      if (kept.offer(iouThreshold, corners, 4 * (image * count + box), group)) {
        picked.setAtIndex(JAVA_INT, image * wanted + kept.size() - 1, box);
      }
    }
    for (int i = kept.size(); i < wanted; i++) {
      picked.setAtIndex(JAVA_INT, image * wanted + i, -1);
    }
    counts.segment().setAtIndex(JAVA_INT, image, kept.size());
  }
}
