package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.cpu.PerThread;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.primitives.Updates;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * What happens to gradients and parameters between two steps. Loops over several tensors stage
 * chunks of them in arrays on the heap, which cannot overlap: only then does the compiler
 * vectorise.
 */
public final class UpdateLoops implements Updates {
  /** Elements a chunk: three staged arrays fit the first-level cache. */
  private static final int CHUNK = 2048;

  /** Elements whose squares one thread sums. */
  private static final int SUM_CHUNK = 1 << 16;

  /** Chunks that are one piece of a loop. */
  private static final long GRAIN = 32;

  /** Added to the norm before dividing by it, as torch's {@code clip_grad_norm_} does. */
  private static final float CLIP_EPS = 1e-6f;

  private final Workers workers;
  private final PerThread<float[][]> staged = new PerThread<>(() -> new float[3][CHUNK]);
  private double[] sums = new double[0];

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   */
  public UpdateLoops(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void squaredNorm(Tensor x, Tensor sum) {
    long count = x.elementCount();
    int chunks = Math.toIntExact((count + SUM_CHUNK - 1) / SUM_CHUNK);
    if (sums.length < chunks) {
      sums = new double[chunks];
    }
    workers.rows(
        chunks,
        1,
        (from, to) -> {
          for (int chunk = (int) from; chunk < to; chunk++) {
            long first = (long) chunk * SUM_CHUNK;
            sums[chunk] = squares(x.segment(), first, (int) Math.min(SUM_CHUNK, count - first));
          }
        });
    double total = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      total += sums[chunk];
    }
    sum.segment().setAtIndex(JAVA_FLOAT, 0, (float) total);
    sum.buffer().markWritten();
  }

  /** Four sums, because one would wait for each addition to end. */
  private static double squares(MemorySegment x, long first, int count) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      double xa = x.getAtIndex(JAVA_FLOAT, first + i);
      double xb = x.getAtIndex(JAVA_FLOAT, first + i + 1);
      double xc = x.getAtIndex(JAVA_FLOAT, first + i + 2);
      double xd = x.getAtIndex(JAVA_FLOAT, first + i + 3);
      a += xa * xa;
      b += xb * xb;
      c += xc * xc;
      d += xd * xd;
    }
    for (; i < count; i++) {
      double rest = x.getAtIndex(JAVA_FLOAT, first + i);
      a += rest * rest;
    }
    return (a + b) + (c + d);
  }

  @Override
  public void clipByNorm(Tensor gradient, Tensor squaredNorm, float maxNorm) {
    float norm = (float) Math.sqrt(squaredNorm.segment().getAtIndex(JAVA_FLOAT, 0));
    float factor = maxNorm / (norm + CLIP_EPS);
    if (factor >= 1) {
      return;
    }
    scale(gradient, factor);
  }

  @Override
  public void scale(Tensor x, float factor) {
    MemorySegment values = x.segment();
    long count = x.elementCount();
    workers.rows(
        (count + CHUNK - 1) / CHUNK,
        GRAIN,
        (from, to) -> {
          long end = Math.min(count, to * CHUNK);
          for (long i = from * CHUNK; i < end; i++) {
            values.setAtIndex(JAVA_FLOAT, i, values.getAtIndex(JAVA_FLOAT, i) * factor);
          }
        });
    x.buffer().markWritten();
  }

  @Override
  public void sgdUpdate(SgdSpec spec, Tensor parameter, Tensor gradient, Tensor velocity) {
    long count = parameter.elementCount();
    workers.rows(
        (count + CHUNK - 1) / CHUNK,
        GRAIN,
        (from, to) -> {
          float[][] arrays = staged.get();
          float[] p = arrays[0];
          float[] g = arrays[1];
          float[] v = arrays[2];
          for (long chunk = from; chunk < to; chunk++) {
            long first = 4 * chunk * CHUNK;
            int size = (int) Math.min(CHUNK, count - chunk * CHUNK);
            MemorySegment.copy(parameter.segment(), JAVA_FLOAT, first, p, 0, size);
            MemorySegment.copy(gradient.segment(), JAVA_FLOAT, first, g, 0, size);
            MemorySegment.copy(velocity.segment(), JAVA_FLOAT, first, v, 0, size);
            step(spec, p, g, v, size);
            MemorySegment.copy(p, 0, parameter.segment(), JAVA_FLOAT, first, size);
            MemorySegment.copy(v, 0, velocity.segment(), JAVA_FLOAT, first, size);
          }
        });
    parameter.buffer().markWritten();
    velocity.buffer().markWritten();
  }

  private static void step(SgdSpec spec, float[] p, float[] g, float[] v, int size) {
    float rate = spec.learningRate();
    float momentum = spec.momentum();
    float decay = spec.weightDecay();
    for (int i = 0; i < size; i++) {
      v[i] = momentum * v[i] + (g[i] + decay * p[i]);
    }
    for (int i = 0; i < size; i++) {
      p[i] -= rate * v[i];
    }
  }
}
