package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.primitives.Losses;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Losses, each written together with its gradient. Every chunk of rows is summed in double
 * precision by one thread and the chunks' sums are added in their order, so that the loss does not
 * depend on the threads.
 */
public final class LossLoops implements Losses {
  /** Rows whose losses one thread sums. */
  private static final int CHUNK_ROWS = 1024;

  private final Workers workers;
  private double[] sums = new double[0];

  /** The losses and gradients of some rows. */
  @FunctionalInterface
  private interface RowsLoss {
    double sum(long from, long to);
  }

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   */
  public LossLoops(Workers workers) {
    this.workers = workers;
  }

  /**
   * Writes the softmax of a row, rounded after each step as torch does: near 1 there are few
   * numbers, and their ties decide the order of detections.
   *
   * @param x holds the row
   * @param offset where it begins
   * @param shares written
   * @param count how many elements it has
   */
  static void probabilities(MemorySegment x, long offset, float[] shares, int count) {
    float max = maximum(x, offset, count);
    float sum = 0;
    for (int c = 0; c < count; c++) {
      shares[c] = (float) Math.exp(x.getAtIndex(JAVA_FLOAT, offset + c) - max);
      sum += shares[c];
    }
    for (int c = 0; c < count; c++) {
      shares[c] /= sum;
    }
  }

  /**
   * {@return the sum of the exponentials of a row, each divided by that of the row's maximum}
   *
   * @param x holds the row
   * @param offset where it begins
   * @param exponentials written
   * @param count how many elements it has
   */
  private static double exponentials(
      MemorySegment x, long offset, double[] exponentials, int count) {
    float max = maximum(x, offset, count);
    double sum = 0;
    for (int c = 0; c < count; c++) {
      exponentials[c] = Math.exp(x.getAtIndex(JAVA_FLOAT, offset + c) - (double) max);
      sum += exponentials[c];
    }
    return sum;
  }

  private static float maximum(MemorySegment x, long offset, int count) {
    float max = Float.NEGATIVE_INFINITY;
    for (int c = 0; c < count; c++) {
      max = Math.max(max, x.getAtIndex(JAVA_FLOAT, offset + c));
    }
    return max;
  }

  @Override
  public void softmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    int classes = Math.toIntExact(logits.dim(1));
    MemorySegment gradient = dLogits.segment();
    long counted = countLabelled(labels);
    double sum =
        sum(
            logits.dim(0),
            (from, to) -> {
              double[] shares = new double[classes];
              double losses = 0;
              for (long r = from; r < to; r++) {
                int label = labels.segment().getAtIndex(JAVA_INT, r);
                long row = r * classes;
                if (label < 0) {
                  gradient.asSlice(4 * row, 4L * classes).fill((byte) 0);
                  continue;
                }
                checkLabel(label, r, classes);
                double total = exponentials(logits.segment(), row, shares, classes);
                double best = maximum(logits.segment(), row, classes);
                double own = logits.segment().getAtIndex(JAVA_FLOAT, row + label);
                losses += Math.log(total) + (best - own);
                for (int c = 0; c < classes; c++) {
                  double slope = shares[c] / total - (c == label ? 1 : 0);
                  gradient.setAtIndex(JAVA_FLOAT, row + c, (float) (slope / counted));
                }
              }
              return losses;
            });
    writeMean(loss, sum, counted);
    dLogits.buffer().markWritten();
  }

  @Override
  public void sigmoidCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    MemorySegment gradient = dLogits.segment();
    long counted = countLabelled(labels);
    double sum =
        sum(
            logits.elementCount(),
            (from, to) -> {
              double losses = 0;
              for (long r = from; r < to; r++) {
                int label = labels.segment().getAtIndex(JAVA_INT, r);
                if (label < 0) {
                  gradient.setAtIndex(JAVA_FLOAT, r, 0);
                  continue;
                }
                double x = logits.segment().getAtIndex(JAVA_FLOAT, r);
                double target = Math.min(label, 1);
                // the exponent is never positive, so nothing overflows
                double tail = Math.exp(-Math.abs(x));
                losses += Math.max(x, 0) - x * target + Math.log1p(tail);
                double sigmoid = (x >= 0 ? 1 : tail) / (1 + tail);
                gradient.setAtIndex(JAVA_FLOAT, r, (float) ((sigmoid - target) / counted));
              }
              return losses;
            });
    writeMean(loss, sum, counted);
    dLogits.buffer().markWritten();
  }

  @Override
  public void smoothL1(
      float beta,
      Tensor predictions,
      Tensor targets,
      Tensor labels,
      Tensor loss,
      Tensor dPredictions) {
    long columns = predictions.dim(1);
    MemorySegment gradient = dPredictions.segment();
    long counted = countLabelled(labels);
    double sum =
        sum(
            predictions.dim(0),
            (from, to) -> {
              gradient.asSlice(4 * from * columns, 4 * (to - from) * columns).fill((byte) 0);
              double losses = 0;
              for (long r = from; r < to; r++) {
                int label = labels.segment().getAtIndex(JAVA_INT, r);
                if (label <= 0) {
                  continue;
                }
                if (columns > 4) {
                  checkLabel(label, r, columns / 4);
                }
                long at = r * columns + (columns > 4 ? 4L * label : 0);
                for (int c = 0; c < 4; c++) {
                  double difference =
                      (double) predictions.segment().getAtIndex(JAVA_FLOAT, at + c)
                          - targets.segment().getAtIndex(JAVA_FLOAT, 4 * r + c);
                  double distance = Math.abs(difference);
                  boolean parabola = distance < beta;
                  losses += parabola ? 0.5 * distance * distance / beta : distance - 0.5 * beta;
                  double slope = parabola ? difference / beta : Math.signum(difference);
                  gradient.setAtIndex(JAVA_FLOAT, at + c, (float) (slope / counted));
                }
              }
              return losses;
            });
    writeMean(loss, sum, counted);
    dPredictions.buffer().markWritten();
  }

  private static long countLabelled(Tensor labels) {
    long counted = 0;
    for (long r = 0; r < labels.elementCount(); r++) {
      counted += labels.segment().getAtIndex(JAVA_INT, r) >= 0 ? 1 : 0;
    }
    return counted;
  }

  private static void checkLabel(int label, long row, long classes) {
    if (label >= classes) {
      throw new IllegalArgumentException(
          "row " + row + " has the label " + label + ", but there are " + classes + " classes");
    }
  }

  private double sum(long rows, RowsLoss body) {
    int chunks = Math.toIntExact((rows + CHUNK_ROWS - 1) / CHUNK_ROWS);
    if (sums.length < chunks) {
      sums = new double[chunks];
    }
    workers.rows(
        chunks,
        1,
        (from, to) -> {
          for (int chunk = (int) from; chunk < to; chunk++) {
            long first = (long) chunk * CHUNK_ROWS;
            sums[chunk] = body.sum(first, Math.min(rows, first + CHUNK_ROWS));
          }
        });
    double sum = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      sum += sums[chunk];
    }
    return sum;
  }

  private static void writeMean(Tensor loss, double sum, long counted) {
    loss.segment().setAtIndex(JAVA_FLOAT, 0, counted == 0 ? 0 : (float) (sum / counted));
    loss.buffer().markWritten();
  }
}
