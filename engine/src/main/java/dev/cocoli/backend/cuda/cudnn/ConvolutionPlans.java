package dev.cocoli.backend.cuda.cudnn;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.cuda.CudaContext;
import dev.cocoli.backend.cuda.CudaSettings;
import dev.cocoli.backend.cuda.PlanTimer;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.tensor.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Chooses how each convolution is computed, and keeps the choice. At first it is what cuDNN thinks
 * fastest; what comes back often is timed, once, on the tensors at hand. So images of ever new
 * sizes do not pay for timing, and a size that stays runs as fast as it can.
 */
public final class ConvolutionPlans implements AutoCloseable {
  /** Shapes times layers: a detector has about seventy kinds of layer, each three ways. */
  private static final int CAPACITY = 4096;

  private static final int MOST_TIMED = 8;

  /** Configurations of one engine that are tried: cuDNN lists the knobs' best settings first. */
  private static final int MOST_PER_ENGINE = 3;

  private final class Choice implements AutoCloseable {
    final ConvolutionGraph graph;
    ConvolutionPlan plan;
    int uses;
    boolean timed;

    Choice(ConvolutionGraph graph, ConvolutionPlan plan) {
      this.graph = graph;
      this.plan = plan;
    }

    void take(ConvolutionPlan better) {
      timed = true;
      if (better != plan) {
        closedPlans++;
        plan.close();
        plan = better;
      }
    }

    @Override
    public void close() {
      closedPlans++;
      Closing.all(plan, graph);
    }
  }

  private final CudaContext context;
  private final CudaSettings settings;
  private final CudnnTarget target;
  private final PlanCache<ConvolutionShape, Choice> choices = new PlanCache<>(CAPACITY);
  private long closedPlans;

  /** Makes an empty cache for a device. */
  ConvolutionPlans(CudaContext context) {
    this.context = context;
    this.settings = context.settings();
    this.target = CudnnTarget.of(context.cudnn());
  }

  /** Queues a convolution. */
  void run(ConvolutionShape shape, Operands operands) {
    context.device().enter();
    Choice choice = choices.get(shape, this::choose);
    choice.uses++;
    if (choice.uses >= PlanTimer.TIMED_AT_USE
        && !choice.timed
        && !settings.deterministic()
        && !context.recorder().isRecording()) {
      List<ConvolutionPlan> candidates = build(choice.graph, target, settings, MOST_TIMED);
      choice.take(fastest(context, candidates, operands, null));
    }
    execute(context, choice.plan, operands);
    context.queue().finished("cudnnBackendExecute of " + shape);
  }

  /** Queues a plan, with scratch memory if it takes any. */
  static void execute(CudaContext context, ConvolutionPlan plan, Operands operands) {
    if (plan.workspaceBytes() == 0) {
      plan.execute(context.cudnn(), operands, MemorySegment.NULL);
      return;
    }
    // whoever takes this memory next is queued after it
    try (Buffer workspace = context.pool().take(plan.workspaceBytes())) {
      plan.execute(context.cudnn(), operands, workspace.segment());
    }
  }

  private Choice choose(ConvolutionShape shape) {
    ConvolutionGraph graph = new ConvolutionGraph(shape, target);
    try {
      return new Choice(graph, build(graph, target, settings, 1).getFirst());
    } catch (RuntimeException e) {
      graph.close();
      throw e;
    }
  }

  /**
   * Builds the plans for a graph that are allowed and can be built, in cuDNN's order.
   *
   * @param most how many at most
   * @return one at least; the caller closes them
   * @throws IllegalStateException if there is none
   */
  static List<ConvolutionPlan> build(
      ConvolutionGraph graph, CudnnTarget target, CudaSettings settings, int most) {
    List<NativeException> refusals = new ArrayList<>();
    for (EngineConfig.Source source : EngineConfig.Source.values()) {
      List<ConvolutionPlan> plans = build(graph, target, settings, most, source, refusals);
      if (!plans.isEmpty()) {
        return plans;
      }
    }
    NativeException why = refusals.isEmpty() ? null : refusals.getLast();
    throw new IllegalStateException(
        "cuDNN has no engine for "
            + graph.shape()
            + " within "
            + settings
            + (why == null ? "" : "; the last one said: " + why.getMessage()),
        why);
  }

  /**
   * Builds those of one of cuDNN's lists.
   *
   * @param refusals gets what the engines say that refuse
   * @return none perhaps; the caller closes them
   */
  static List<ConvolutionPlan> build(
      ConvolutionGraph graph,
      CudnnTarget target,
      CudaSettings settings,
      int most,
      EngineConfig.Source source,
      List<NativeException> refusals) {
    List<ConvolutionPlan> plans = new ArrayList<>();
    Map<Long, Integer> tried = new HashMap<>();
    for (EngineConfig config : EngineConfig.list(graph, target, source)) {
      if (plans.size() == most
          || !config.isAllowed(graph.shape().type(), settings)
          || tried.merge(config.engine(), 1, Integer::sum) > MOST_PER_ENGINE) {
        config.close();
        continue;
      }
      try {
        add(plans, new ConvolutionPlan(config, target), settings);
      } catch (NativeException e) {
        refusals.add(e);
        config.close();
      }
    }
    return plans;
  }

  private static void add(
      List<ConvolutionPlan> plans, ConvolutionPlan plan, CudaSettings settings) {
    if (plan.workspaceBytes() <= settings.workspaceBytes()) {
      plans.add(plan);
    } else {
      plan.close();
    }
  }

  /**
   * Times plans on the operands, which they all leave alike, and closes all but the fastest.
   *
   * @param otherwise what else computes the same, timed last; null if nothing does
   * @return the fastest; null if that is what else there is
   */
  static ConvolutionPlan fastest(
      CudaContext context,
      List<ConvolutionPlan> candidates,
      Operands operands,
      Runnable otherwise) {
    ConvolutionPlan best = null;
    float bestTime = Float.POSITIVE_INFINITY;
    try (PlanTimer timer = new PlanTimer(context)) {
      for (ConvolutionPlan candidate : candidates) {
        float time = timer.milliseconds(() -> execute(context, candidate, operands), bestTime);
        if (time < bestTime) {
          bestTime = time;
          best = candidate;
        }
      }
      if (otherwise != null && timer.milliseconds(otherwise, bestTime) < bestTime) {
        best = null;
      }
    } catch (RuntimeException | Error e) {
      candidates.forEach(ConvolutionPlan::close);
      throw e;
    }
    for (ConvolutionPlan candidate : candidates) {
      if (candidate != best) {
        candidate.close();
      }
    }
    return best;
  }

  /** Returns how many plans are gone: what was recorded of one may be gone with it. */
  long closedPlans() {
    return closedPlans;
  }

  /** Returns how many choices are kept. */
  int size() {
    return choices.size();
  }

  @Override
  public void close() {
    choices.close();
  }
}
