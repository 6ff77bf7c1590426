package dev.cocoli.train;

import dev.cocoli.backend.primitives.Copies;
import dev.cocoli.nn.Module.Counter;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * The running statistics of trained norms as they were before a step. The forward pass changes
 * them, so that after a step that failed they are put back: then the state is that of the last
 * step. A model without such norms costs nothing.
 */
final class StatisticsBackup implements AutoCloseable {
  private final ParameterArena parameters;
  private final List<Counter> counters;
  private final long[] counts;

  /** Has room from the first {@link #take} on. */
  private Buffer buffer;

  private boolean taken;

  StatisticsBackup(ParameterArena parameters) {
    this.parameters = parameters;
    counters = List.copyOf(parameters.module().namedCounters().values());
    counts = new long[counters.size()];
  }

  /** Copies the statistics, before a step. */
  void take() {
    if (counters.isEmpty()) {
      return;
    }
    if (buffer == null) {
      buffer = parameters.backend().allocate(parameters.fixed().byteSize());
    }
    copies().copy(parameters.fixed(), copy());
    for (int i = 0; i < counts.length; i++) {
      counts[i] = counters.get(i).value();
    }
    taken = true;
  }

  /** Forgets the copy: the step ended well. */
  void drop() {
    taken = false;
  }

  /** Puts back what was copied for a step that has not ended; otherwise does nothing. */
  void putBack() {
    if (taken) {
      copies().copy(copy(), parameters.fixed());
      for (int i = 0; i < counts.length; i++) {
        counters.get(i).set(counts[i]);
      }
      taken = false;
    }
  }

  private Copies copies() {
    return parameters.backend().copies();
  }

  private Tensor copy() {
    return new Tensor(buffer, 0, parameters.fixed().shape(), DType.F32);
  }

  @Override
  public void close() {
    if (buffer != null) {
      buffer.close();
    }
  }
}
