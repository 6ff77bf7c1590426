package dev.cocoli.backend.cuda.graphs;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.CapturedRegion;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.CudaContext;
import dev.cocoli.backend.cuda.cudnn.ConvolutionPlans;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Runs regions that come back as CUDA graphs. The first times they run call by call, until kernels
 * are compiled, plans timed, weights copied and memory taken. From then on one that must run is
 * captured each time, and what it launched the last time takes over the new addresses; one that
 * leaves nothing behind is captured once, on memory of its own, and then launched alone for as long
 * as the weights stay what they are.
 */
public final class CapturedRegions implements AutoCloseable {
  /** By then every convolution's shape has been timed. */
  public static final int PLAIN_USES = ConvolutionPlans.TIMED_AT_USE;

  /**
   * What a change of the weights leaves to do is done plainly, so that it is not captured: norms
   * are folded in the first use; as they share a buffer, this outdates the copies of weights that
   * were multiplied before, which the second use writes.
   */
  private static final int SETTLED_USES = 2;

  /** Padded sizes, each way; a replayed one keeps the memory of its forward pass. */
  private static final int CAPACITY = 8;

  private enum Way {
    CAPTURE,
    REPLAY
  }

  private record Key(CapturedRegion.Key region, Way way) {}

  /** A region that has run. */
  private final class Captured implements AutoCloseable {
    final ExecutableGraph graph = new ExecutableGraph();
    int uses;

    /** The weights' state behind the last plain use, and how many there were since it moved. */
    long seenState;

    int settledUses;

    /** The weights' state that was captured. */
    long recordedState;

    /** Memory of a replayed region, its input and its results; null before it is captured. */
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
  private final PlanCache<Key, Captured> regions = new PlanCache<>(CAPACITY);

  /**
   * Remembers nothing yet.
   *
   * @param state moves when what was captured may not be replayed any more
   * @param lost told when captured work is lost
   */
  public CapturedRegions(CudaContext context, LongSupplier state, Runnable lost) {
    this.context = context;
    this.recorder = context.recorder();
    this.state = state;
    this.lost = lost;
  }

  /** See {@link dev.cocoli.backend.Backend#capture}. */
  public List<Tensor> capture(
      CapturedRegion.Key key, CapturedRegion region, TensorScope scope, Tensor input) {
    if (recorder.isRecording()) {
      return region.run(scope, input);
    }
    Captured captured = regions.get(new Key(key, Way.CAPTURE), unused -> new Captured());
    if (captured.uses++ < PLAIN_USES) {
      return region.run(scope, input);
    }
    return record(captured, () -> region.run(scope, input));
  }

  /** See {@link dev.cocoli.backend.Backend#replay}. */
  public List<Tensor> replay(
      CapturedRegion.Key key, CapturedRegion region, TensorScope scope, Tensor input) {
    if (recorder.isRecording()) {
      return region.run(scope, input);
    }
    Captured captured = regions.get(new Key(key, Way.REPLAY), unused -> new Captured());
    long before = state.getAsLong();
    if (captured.results != null && captured.recordedState == before) {
      take(input, captured, scope);
      context.device().enter();
      captured.graph.launch(recorder.stream());
      return captured.results;
    }
    captured.settledUses = captured.seenState == before ? captured.settledUses : 0;
    if (captured.uses++ < PLAIN_USES || captured.settledUses < SETTLED_USES) {
      List<Tensor> results = region.run(scope, input);
      captured.settledUses++;
      captured.seenState = state.getAsLong();
      return results;
    }
    captured.results = null;
    captured.reset(input);
    take(input, captured, scope);
    captured.results = record(captured, () -> region.run(captured.scope, captured.input));
    captured.recordedState = before;
    return captured.results;
  }

  private void take(Tensor input, Captured captured, TensorScope scope) {
    context.queue().copy(input.segment(), captured.input.segment());
    scope.release(input);
  }

  private List<Tensor> record(Captured captured, Supplier<List<Tensor>> region) {
    recorder.begin();
    List<Tensor> results;
    try {
      results = region.get();
    } catch (RuntimeException | Error e) {
      abandon(e);
      throw e;
    }
    try (NativeHandle recorded = recorder.end()) {
      captured.graph.become(recorded);
      captured.graph.launch(recorder.stream());
    } catch (RuntimeException e) {
      lost.run();
      throw e;
    } finally {
      recorder.settle();
    }
    return results;
  }

  /** Leaves everything as it would be had the calls before a failure not been captured. */
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

  /** Frees what only regions other than the last one hold. */
  public void trim() {
    regions.keepLast();
  }

  @Override
  public void close() {
    regions.close();
  }
}
