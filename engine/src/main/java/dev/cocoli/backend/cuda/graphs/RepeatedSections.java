package dev.cocoli.backend.cuda.graphs;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.Section;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.CudaContext;
import dev.cocoli.backend.cuda.cudnn.ConvolutionPlans;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Runs sections that come back as CUDA graphs. The first times they run call by call, until kernels
 * are compiled, plans timed, weights copied and memory taken. From then on one that must run is
 * recorded each time, and what it launched the last time takes over the new addresses; one that
 * leaves nothing behind is recorded once, on memory of its own, and then launched alone for as long
 * as the weights stay what they are.
 */
public final class RepeatedSections implements AutoCloseable {
  /** By then every convolution's shape has been timed. */
  public static final int PLAIN_USES = ConvolutionPlans.TIMED_AT_USE;

  /**
   * What a change of the weights leaves to do is done plainly, so that it is not recorded: norms
   * are folded in the first use; as they share a buffer, this outdates the copies of weights that
   * were multiplied before, which the second use writes.
   */
  private static final int SETTLED_USES = 2;

  /** Padded sizes, each way; a replayed one keeps the memory of its forward pass. */
  private static final int CAPACITY = 8;

  private enum Way {
    REPEAT,
    REPLAY
  }

  private record Key(Section.Key section, Way way) {}

  /** A section that has run. */
  private final class Repeated implements AutoCloseable {
    final ExecutableGraph graph = new ExecutableGraph();
    int uses;

    /** The weights' state behind the last plain use, and how many there were since it moved. */
    long seenState;

    int settledUses;

    /** The weights' state that was recorded. */
    long recordedState;

    /** Memory of a replayed section, its input and its results; null before it is recorded. */
    BufferPool pool;

    TensorScope scope;
    Tensor input;
    List<Tensor> results;

    void reset(Tensor like) {
      if (pool == null) {
        pool = new BufferPool(context.memory()::allocate);
        input = new Tensor(pool.take(like.byteSize()), 0, like.shape(), like.dtype());
      } else {
        scope.close();
      }
      scope = new TensorScope(pool);
    }

    @Override
    public void close() {
      Closing.all(graph, pool);
    }
  }

  private final CudaContext context;
  private final GraphRecorder recorder;
  private final LongSupplier state;
  private final Runnable lost;
  private final PlanCache<Key, Repeated> sections = new PlanCache<>(CAPACITY);

  /**
   * Remembers nothing yet.
   *
   * @param state moves when what was recorded may not be replayed any more
   * @param lost told when recorded work is lost
   */
  public RepeatedSections(CudaContext context, LongSupplier state, Runnable lost) {
    this.context = context;
    this.recorder = context.recorder();
    this.state = state;
    this.lost = lost;
  }

  /** See {@link dev.cocoli.backend.Backend#repeat}. */
  public List<Tensor> repeat(Section.Key key, Section section, TensorScope scope, Tensor input) {
    if (recorder.isRecording()) {
      return section.run(scope, input);
    }
    Repeated repeated = sections.get(new Key(key, Way.REPEAT), unused -> new Repeated());
    if (repeated.uses++ < PLAIN_USES) {
      return section.run(scope, input);
    }
    return record(repeated, () -> section.run(scope, input));
  }

  /** See {@link dev.cocoli.backend.Backend#replay}. */
  public List<Tensor> replay(Section.Key key, Section section, TensorScope scope, Tensor input) {
    if (recorder.isRecording()) {
      return section.run(scope, input);
    }
    Repeated repeated = sections.get(new Key(key, Way.REPLAY), unused -> new Repeated());
    long before = state.getAsLong();
    if (repeated.results != null && repeated.recordedState == before) {
      take(input, repeated, scope);
      context.device().enter();
      repeated.graph.launch(recorder.stream());
      return repeated.results;
    }
    repeated.settledUses = repeated.seenState == before ? repeated.settledUses : 0;
    if (repeated.uses++ < PLAIN_USES || repeated.settledUses < SETTLED_USES) {
      List<Tensor> results = section.run(scope, input);
      repeated.settledUses++;
      repeated.seenState = state.getAsLong();
      return results;
    }
    repeated.results = null;
    repeated.reset(input);
    take(input, repeated, scope);
    repeated.results = record(repeated, () -> section.run(repeated.scope, repeated.input));
    repeated.recordedState = before;
    return repeated.results;
  }

  private void take(Tensor input, Repeated repeated, TensorScope scope) {
    context.queue().copy(input.segment(), repeated.input.segment());
    scope.release(input);
  }

  private List<Tensor> record(Repeated repeated, Supplier<List<Tensor>> section) {
    recorder.begin();
    List<Tensor> results;
    try {
      results = section.get();
    } catch (RuntimeException | Error e) {
      abandon(e);
      throw e;
    }
    try (NativeHandle recorded = recorder.end()) {
      repeated.graph.become(recorded);
      repeated.graph.launch(recorder.stream());
    } catch (RuntimeException e) {
      lost.run();
      throw e;
    } finally {
      recorder.settle();
    }
    return results;
  }

  /** Leaves everything as it would be had the calls before a failure not been recorded. */
  private void abandon(Throwable failure) {
    try (NativeHandle recorded = recorder.end();
        ExecutableGraph once = new ExecutableGraph()) {
      once.become(recorded);
      once.launch(recorder.stream());
    } catch (RuntimeException e) {
      lost.run();
      failure.addSuppressed(e);
    } finally {
      recorder.settle();
    }
  }

  /** Frees what only sections other than the last one hold. */
  public void trim() {
    sections.keepLast();
  }

  @Override
  public void close() {
    sections.close();
  }
}
