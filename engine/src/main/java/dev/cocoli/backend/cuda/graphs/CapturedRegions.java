package dev.cocoli.backend.cuda.graphs;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.CapturedRegion;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.Replays;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.CudaContext;
import dev.cocoli.backend.cuda.PlanTimer;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Replays captured regions as CUDA graphs. A region first runs call by call, until kernels are
 * compiled, plans timed, weights copied and memory taken. Then it is captured once, on memory of
 * its own, and from there on launched for as long as the weights stay what they are.
 */
public final class CapturedRegions implements Replays, AutoCloseable {
  /** By then every shape of a convolution or product has been timed. */
  public static final int PLAIN_USES = PlanTimer.TIMED_AT_USE;

  /**
   * What a change of the weights leaves to do is done call by call, so that it is not captured:
   * norms are folded in the first use; as they share a buffer, this outdates the copies of weights
   * that were multiplied before, which the second use writes.
   */
  private static final int SETTLED_USES = 2;

  /** Padded sizes; each keeps the memory of its forward pass. */
  private static final int CAPACITY = 8;

  /** A region that has run. */
  private final class Captured implements AutoCloseable {
    int uses;

    /** The weights' state after the last plain use, and how many there were since it moved. */
    long seenState;

    int settledUses;

    /** The weights' state that was captured. */
    long recordedState;

    /** Memory of the region and its input; null before it is captured. */
    BufferPool pool;

    TensorScope scope;
    Tensor input;

    /** What was captured; null if there is nothing to replay. */
    NativeHandle graph;

    List<Tensor> results;

    void reset(Tensor like) {
      if (pool == null) {
        pool = new BufferPool(context.memory()::allocate);
        input = new Tensor(pool.take(like.byteSize()), 0, like.shape(), like.dtype());
      } else {
        scope.close();
      }
      scope = new TensorScope(pool);
      discard();
    }

    /** Destroys the graph; launches that have been queued run all the same. */
    void discard() {
      if (graph != null) {
        NativeHandle last = graph;
        graph = null;
        last.close();
      }
    }

    @Override
    public void close() {
      Closing.all(this::discard, pool);
    }
  }

  private final CudaContext context;
  private final GraphRecorder recorder;
  private final LongSupplier state;
  private final Runnable lost;
  private final PlanCache<CapturedRegion.Key, Captured> regions = new PlanCache<>(CAPACITY);

  /**
   * Remembers nothing yet.
   *
   * @param state moves when what was captured may not be replayed any more
   * @param lost runs when captured work is lost
   */
  public CapturedRegions(CudaContext context, LongSupplier state, Runnable lost) {
    this.context = context;
    this.recorder = context.recorder();
    this.state = state;
    this.lost = lost;
  }

  @Override
  public List<Tensor> run(
      CapturedRegion.Key key, CapturedRegion region, TensorScope scope, Tensor input) {
    if (recorder.isRecording()) {
      return region.run(scope, input);
    }
    Captured captured = regions.get(key, unused -> new Captured());
    long before = state.getAsLong();
    if (captured.graph != null && captured.recordedState == before) {
      take(input, captured, scope);
      recorder.launch(captured.graph);
      return captured.results;
    }
    captured.settledUses = captured.seenState == before ? captured.settledUses : 0;
    if (captured.uses++ < PLAIN_USES || captured.settledUses < SETTLED_USES) {
      List<Tensor> results = region.run(scope, input);
      captured.settledUses++;
      captured.seenState = state.getAsLong();
      return results;
    }
    captured.reset(input);
    take(input, captured, scope);
    record(captured, region);
    captured.recordedState = before;
    return captured.results;
  }

  private void take(Tensor input, Captured captured, TensorScope scope) {
    context.queue().copy(input.segment(), captured.input.segment());
    scope.release(input);
  }

  private void record(Captured captured, CapturedRegion region) {
    recorder.begin();
    try {
      captured.results = region.run(captured.scope, captured.input);
      captured.graph = recorder.end();
      recorder.launch(captured.graph);
    } catch (RuntimeException | Error e) {
      recorder.abandon(e);
      captured.discard();
      lost.run();
      throw e;
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
