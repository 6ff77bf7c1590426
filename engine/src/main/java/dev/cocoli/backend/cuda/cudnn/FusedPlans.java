package dev.cocoli.backend.cuda.cudnn;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.cuda.CudaContext;
import dev.cocoli.backend.cuda.CudaSettings;
import dev.cocoli.backend.cuda.PlanTimer;
import dev.cocoli.backend.cuda.cublas.CublasMatmul;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Gradients by the input with what is fused after them, and convolutions with sums, for which cuDNN
 * has no ready kernels: it compiles one for each shape. So a shape is computed in steps until it
 * has come back often; then it is compiled, timed beside the steps, and computed by whatever is
 * faster. Where cuDNN has no engine, the steps stay.
 *
 * <p>A kernel takes about a second to compile. So that a short run does not wait for what it will
 * not use, and a run over images of ever new sizes not for each of them, compiling takes 20 seconds
 * at first, and from then on a twentieth of the time: shapes that come back later get their turn.
 * {@code cocoli.cuda.compile} is another number of seconds for the beginning.
 */
final class FusedPlans implements AutoCloseable {
  private static final int CAPACITY = 1024;

  /** Configurations that are compiled for a shape: cuDNN lists the best ones first. */
  private static final int MOST_COMPILED = 2;

  /** Of the time since the start, what may go into compiling besides the seconds at first. */
  private static final int PART = 20;

  private static final class Choice implements AutoCloseable {
    /** Null until it is compiled. */
    ConvolutionGraph graph;

    /** Null for the steps. */
    ConvolutionPlan plan;

    int uses;
    boolean tried;

    @Override
    public void close() {
      Closing.all(plan, graph);
    }
  }

  private final CudaContext context;
  private final CudaSettings settings;
  private final CudnnTarget target;
  private final PlanCache<ConvolutionShape, Choice> choices = new PlanCache<>(CAPACITY);
  private final long start = System.nanoTime();
  private long nanoseconds;

  /** Makes an empty cache for a device. */
  FusedPlans(CudaContext context) {
    this.context = context;
    this.settings = context.settings();
    this.target = CudnnTarget.of(context.cudnn());
  }

  /** Whether results like this can be fused with anything: on tensor cores, by whole accesses. */
  boolean suits(Tensor result) {
    return (result.dtype() == DType.BF16 || settings.tf32()) && CublasMatmul.hasWholeRows(result);
  }

  /**
   * Queues a convolution or a gradient with all that follows.
   *
   * @param shape whose tail is fused
   * @param operands which the steps and a plan leave alike, but for the results; sums are 0
   * @param steps queue the same in several operations, all but the sums
   * @param sums queues what the sums cost elsewhere if they are not fused; is only timed
   * @return whether it was fused, with the sums
   */
  boolean run(ConvolutionShape shape, Operands operands, Runnable steps, Runnable sums) {
    context.device().enter();
    Choice choice = choices.get(shape, key -> new Choice());
    choice.uses++;
    if (choice.uses >= PlanTimer.TIMED_AT_USE
        && !choice.tried
        && !settings.deterministic()
        && !context.recorder().isRecording()
        && mayCompile()) {
      choice.tried = true;
      choose(
          choice,
          shape,
          operands,
          () -> {
            steps.run();
            sums.run();
          });
    }
    if (choice.plan == null) {
      steps.run();
      return false;
    }
    ConvolutionPlans.execute(context, choice.plan, operands);
    context.queue().finished("cudnnBackendExecute of " + shape);
    return true;
  }

  private boolean mayCompile() {
    long allowed = TimeUnit.SECONDS.toNanos(settings.compileSeconds());
    return nanoseconds < allowed + (System.nanoTime() - start) / PART;
  }

  private void choose(
      Choice choice, ConvolutionShape shape, Operands operands, Runnable otherwise) {
    long begin = System.nanoTime();
    List<ConvolutionPlan> candidates;
    try {
      choice.graph = new ConvolutionGraph(shape, target);
      candidates = compile(choice.graph, target, settings, MOST_COMPILED);
    } catch (NativeException e) {
      // a graph that this release does not know
      return;
    } finally {
      nanoseconds += System.nanoTime() - begin;
    }
    if (!candidates.isEmpty()) {
      choice.plan = ConvolutionPlans.fastest(context, candidates, operands, otherwise);
      // an engine may add to what is there
      operands.sums().forEach(context.queue()::zero);
    }
  }

  /**
   * Builds the plans for a graph that are allowed, in cuDNN's order.
   *
   * @param most how many at most
   * @return none if cuDNN cannot fuse it; the caller closes them
   */
  static List<ConvolutionPlan> compile(
      ConvolutionGraph graph, CudnnTarget target, CudaSettings settings, int most) {
    // engines of the fallback are slower than the steps
    return ConvolutionPlans.build(
        graph, target, settings, most, EngineConfig.Source.HEURISTICS, new ArrayList<>());
  }

  @Override
  public void close() {
    choices.close();
  }
}
