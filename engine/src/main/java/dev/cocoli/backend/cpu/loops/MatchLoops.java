package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.cocoli.backend.cpu.PerThread;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.primitives.Matching;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.MatchSpec.LowQuality;
import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Assigns objects to boxes, draws the boxes that are trained on, and writes what they are to learn.
 * Instead of an IoU matrix it keeps each box's best IoU and each object's; the few boxes that may
 * be an object's best are compared a second time.
 */
public final class MatchLoops implements Matching {
  /** Boxes that are one piece of a loop. */
  private static final long GRAIN = 2048;

  private final Workers workers;
  private final PerThread<SmallestLongs> positives = new PerThread<>(SmallestLongs::new);
  private final PerThread<SmallestLongs> negatives = new PerThread<>(SmallestLongs::new);
  private final GroundTruthBoxes groundTruthBoxes = new GroundTruthBoxes();
  private float[] bestOfBox = new float[0];
  private int[] objectOfBox = new int[0];

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   */
  public MatchLoops(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void matchBoxes(
      MatchSpec spec, Tensor boxes, Tensor groundTruth, Tensor groundTruthCounts, Tensor matches) {
    matches.buffer().markWritten();
    int count = Math.toIntExact(boxes.dim(1));
    if (bestOfBox.length < count) {
      bestOfBox = new float[count];
      objectOfBox = new int[count];
    }
    for (long image = 0; image < matches.dim(0); image++) {
      int objects = groundTruthCounts.segment().getAtIndex(JAVA_INT, image);
      long row = image * count;
      long boxRow = boxes.dim(0) == 1 ? 0 : row;
      groundTruthBoxes.load(groundTruth.segment(), image * groundTruth.dim(1), objects);
      matchByThreshold(spec, boxes.segment(), boxRow, count, matches.segment(), row);
      if (spec.lowQuality() == LowQuality.ALLOW && objects > 0) {
        restoreBest(boxes.segment(), boxRow, count, matches.segment(), row);
      }
    }
  }

  private void matchByThreshold(
      MatchSpec spec,
      MemorySegment boxes,
      long boxRow,
      int count,
      MemorySegment matches,
      long row) {
    workers.rows(
        count,
        GRAIN,
        (from, to) -> {
          float[] bestOfObject = new float[groundTruthBoxes.size()];
          Arrays.fill(bestOfObject, -1);
          for (int i = (int) from; i < to; i++) {
            if (!hasExtent(boxes, 4 * (boxRow + i))) {
              bestOfBox[i] = -1;
              matches.setAtIndex(JAVA_INT, row + i, MatchSpec.BETWEEN_THRESHOLDS);
              continue;
            }
            int object = groundTruthBoxes.best(boxes, 4 * (boxRow + i), bestOfObject, bestOfBox, i);
            objectOfBox[i] = object;
            float best = bestOfBox[i];
            int match = object;
            if (best < spec.lowThreshold() || object < 0) {
              match =
                  Math.max(best, 0) < spec.ignoreThreshold()
                      ? MatchSpec.BETWEEN_THRESHOLDS
                      : MatchSpec.BELOW_LOW_THRESHOLD;
            } else if (best < spec.highThreshold()) {
              match = MatchSpec.BETWEEN_THRESHOLDS;
            }
            matches.setAtIndex(JAVA_INT, row + i, match);
          }
          groundTruthBoxes.mergeBest(bestOfObject);
        });
  }

  /** Places after an image's last box hold zeros. */
  private static boolean hasExtent(MemorySegment boxes, long at) {
    return boxes.getAtIndex(JAVA_FLOAT, at + 2) > boxes.getAtIndex(JAVA_FLOAT, at)
        && boxes.getAtIndex(JAVA_FLOAT, at + 3) > boxes.getAtIndex(JAVA_FLOAT, at + 1);
  }

  private void restoreBest(
      MemorySegment boxes, long boxRow, int count, MemorySegment matches, long row) {
    float leastBest = groundTruthBoxes.leastBest();
    workers.rows(
        count,
        GRAIN,
        (from, to) -> {
          for (int i = (int) from; i < to; i++) {
            if (bestOfBox[i] >= leastBest
                && matches.getAtIndex(JAVA_INT, row + i) < 0
                && groundTruthBoxes.isBestOfAny(boxes, 4 * (boxRow + i))) {
              matches.setAtIndex(JAVA_INT, row + i, objectOfBox[i]);
            }
          }
        });
  }

  @Override
  public void sampleBalanced(
      SampleSpec spec, Tensor matches, long[] seeds, Tensor indices, Tensor counts) {
    int count = Math.toIntExact(matches.dim(1));
    int width = Math.toIntExact(indices.dim(1));
    int size = (int) Math.min(spec.batchSizePerImage(), count);
    MemorySegment matched = matches.segment();
    workers.rows(
        matches.dim(0),
        1,
        (from, to) -> {
          SmallestLongs positive = positives.get();
          SmallestLongs negative = negatives.get();
          for (long image = from; image < to; image++) {
            positive.reset((int) Math.min(spec.maxPositives(), size));
            negative.reset(size);
            for (int i = 0; i < count; i++) {
              int match = matched.getAtIndex(JAVA_INT, image * count + i);
              if (match >= 0) {
                positive.offer(key(seeds[(int) image], i));
              } else if (match == MatchSpec.BELOW_LOW_THRESHOLD) {
                negative.offer(key(seeds[(int) image], i));
              }
            }
            int drawn = write(positive, negative, size, indices.segment(), image * width, width);
            counts.segment().setAtIndex(JAVA_INT, image, drawn);
          }
        });
    indices.buffer().markWritten();
    counts.buffer().markWritten();
  }

  /** The unsigned 32-bit key, shifted to the order of signed numbers, before the index. */
  private static long key(long seed, int index) {
    return (SampleKey.of(seed, index) - (1L << 31)) << 32 | index;
  }

  private static int write(
      SmallestLongs positive,
      SmallestLongs negative,
      int size,
      MemorySegment indices,
      long row,
      int width) {
    int background = Math.min(negative.size(), size - positive.size());
    int drawn = positive.size() + background;
    long[] nearest = negative.sorted();
    int[] sample = new int[drawn];
    for (int i = 0; i < background; i++) {
      sample[i] = (int) nearest[i];
    }
    long[] objects = positive.sorted();
    for (int i = 0; i < positive.size(); i++) {
      sample[background + i] = (int) objects[i];
    }
    Arrays.sort(sample);
    for (int i = 0; i < width; i++) {
      indices.setAtIndex(JAVA_INT, row + i, i < drawn ? sample[i] : -1);
    }
    return drawn;
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
    long width = indices.dim(1);
    long count = boxes.dim(1);
    workers.rows(
        indices.elementCount(),
        GRAIN,
        (from, to) -> {
          for (long i = from; i < to; i++) {
            long image = i / width;
            int index = indices.segment().getAtIndex(JAVA_INT, i);
            long box = (boxes.dim(0) == 1 ? 0 : image * count) + index;
            int match =
                index < 0
                    ? MatchSpec.BETWEEN_THRESHOLDS
                    : matches.segment().getAtIndex(JAVA_INT, image * count + index);
            long object = image * groundTruth.dim(1) + match;
            if (rois != null) {
              writeRoi(boxes.segment(), box, index < 0 ? -1 : image, rois.segment(), i);
            }
            int label = match == MatchSpec.BELOW_LOW_THRESHOLD ? 0 : -1;
            if (match >= 0) {
              label =
                  groundTruthLabels == null
                      ? 1
                      : groundTruthLabels.segment().getAtIndex(JAVA_INT, object);
              encode(
                  coder, groundTruth.segment(), object, boxes.segment(), box, targets.segment(), i);
            } else {
              targets.segment().asSlice(16 * i, 16).fill((byte) 0);
            }
            labels.segment().setAtIndex(JAVA_INT, i, label);
          }
        });
    labels.buffer().markWritten();
    targets.buffer().markWritten();
    if (rois != null) {
      rois.buffer().markWritten();
    }
  }

  private static void writeRoi(
      MemorySegment boxes, long box, long image, MemorySegment rois, long into) {
    rois.setAtIndex(JAVA_FLOAT, 5 * into, image);
    for (int c = 0; c < 4; c++) {
      float corner = image < 0 ? 0 : boxes.getAtIndex(JAVA_FLOAT, 4 * box + c);
      rois.setAtIndex(JAVA_FLOAT, 5 * into + 1 + c, corner);
    }
  }

  /** torchvision's {@code encode_boxes}, operation by operation. */
  private static void encode(
      BoxCoderSpec coder,
      MemorySegment groundTruth,
      long object,
      MemorySegment boxes,
      long box,
      MemorySegment targets,
      long into) {
    float width = extent(boxes, box, 0);
    float height = extent(boxes, box, 1);
    float groundTruthWidth = extent(groundTruth, object, 0);
    float groundTruthHeight = extent(groundTruth, object, 1);
    float x = centre(groundTruth, object, 0, groundTruthWidth) - centre(boxes, box, 0, width);
    float y = centre(groundTruth, object, 1, groundTruthHeight) - centre(boxes, box, 1, height);
    targets.setAtIndex(JAVA_FLOAT, 4 * into, coder.weightX() * x / width);
    targets.setAtIndex(JAVA_FLOAT, 4 * into + 1, coder.weightY() * y / height);
    targets.setAtIndex(
        JAVA_FLOAT, 4 * into + 2, coder.weightWidth() * (float) Math.log(groundTruthWidth / width));
    targets.setAtIndex(
        JAVA_FLOAT,
        4 * into + 3,
        coder.weightHeight() * (float) Math.log(groundTruthHeight / height));
  }

  private static float extent(MemorySegment boxes, long box, int axis) {
    return boxes.getAtIndex(JAVA_FLOAT, 4 * box + axis + 2)
        - boxes.getAtIndex(JAVA_FLOAT, 4 * box + axis);
  }

  private static float centre(MemorySegment boxes, long box, int axis, float extent) {
    return boxes.getAtIndex(JAVA_FLOAT, 4 * box + axis) + 0.5f * extent;
  }
}
