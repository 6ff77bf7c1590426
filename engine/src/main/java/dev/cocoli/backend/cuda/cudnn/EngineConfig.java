package dev.cocoli.backend.cuda.cudnn;

import static dev.cocoli.bindings.cudnn.Cudnn.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.CudaSettings;
import dev.cocoli.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A way in which cuDNN could compute a graph.
 *
 * @param descriptor the library's
 * @param engine the number of its engine; configurations of one engine differ in its knobs
 * @param notes what it says about the numbers that come out, {@code CUDNN_NUMERICAL_NOTE_...}
 * @param isCompiledAtRunTime whether its kernel is compiled when its plan is made, which takes
 *     seconds
 */
record EngineConfig(
    CudnnDescriptor descriptor, long engine, Set<Integer> notes, boolean isCompiledAtRunTime)
    implements AutoCloseable {
  /** More than there are kinds of note. */
  private static final int MOST_NOTES = 64;

  /** How cuDNN makes its list. */
  enum Source {
    /** What it thinks fastest first. */
    HEURISTICS,
    /** What works for most, fast or not. */
    FALLBACK;

    int mode() {
      return this == HEURISTICS ? CUDNN_HEUR_MODE_A() : CUDNN_HEUR_MODE_FALLBACK();
    }
  }

  /**
   * Returns cuDNN's list for a graph, the best first, those that are compiled at run time after all
   * others; the caller closes them.
   */
  static List<EngineConfig> list(ConvolutionGraph graph, CudnnTarget target, Source source) {
    try (CudnnDescriptor heuristics = new CudnnDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR())) {
      heuristics
          .descriptors(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH(), graph.descriptor())
          .value(CUDNN_ATTR_ENGINEHEUR_MODE(), CUDNN_TYPE_HEUR_MODE(), source.mode());
      target.tellHeuristics(heuristics);
      heuristics.finish("the engines of " + graph.shape());
      int results = CUDNN_ATTR_ENGINEHEUR_RESULTS();
      int count = heuristics.countOfDescriptors(results);
      List<CudnnDescriptor> empty = new ArrayList<>();
      try {
        for (int i = 0; i < count; i++) {
          empty.add(new CudnnDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR()));
        }
        int filled =
            count == 0
                ? 0
                : heuristics.descriptorsAttribute(results, empty.toArray(CudnnDescriptor[]::new));
        List<EngineConfig> configs = new ArrayList<>();
        for (CudnnDescriptor config : empty.subList(0, filled)) {
          configs.add(of(config));
        }
        Closing.all(empty.subList(filled, count));
        return compiledLast(configs);
      } catch (RuntimeException e) {
        Closing.all(empty);
        throw e;
      }
    }
  }

  /** Returns configurations in their order, but for those that are compiled at run time. */
  static List<EngineConfig> compiledLast(List<EngineConfig> configs) {
    return configs.stream()
        .sorted(Comparator.comparing(EngineConfig::isCompiledAtRunTime))
        .toList();
  }

  private static EngineConfig of(CudnnDescriptor config) {
    try (CudnnDescriptor engine = new CudnnDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR())) {
      config.descriptorsAttribute(CUDNN_ATTR_ENGINECFG_ENGINE(), engine);
      Set<Integer> behaviour =
          notes(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE(), CUDNN_TYPE_BEHAVIOR_NOTE());
      return new EngineConfig(
          config,
          engine.longAttribute(CUDNN_ATTR_ENGINE_GLOBAL_INDEX()),
          notes(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE(), CUDNN_TYPE_NUMERICAL_NOTE()),
          behaviour.contains(CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION()));
    }
  }

  private static Set<Integer> notes(CudnnDescriptor engine, int attribute, int type) {
    return Arrays.stream(engine.valuesAttribute(attribute, type, MOST_NOTES))
        .boxed()
        .collect(Collectors.toSet());
  }

  /**
   * Returns whether its numbers are good enough. Inputs are never rounded unasked nor sums kept in
   * less than fp32; products of fp32 on tensor cores are TF32, for those who asked for it.
   */
  boolean isAllowed(DType type, CudaSettings settings) {
    if (notes.contains(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS())
        || notes.contains(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION())) {
      return false;
    }
    if (settings.deterministic() && notes.contains(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC())) {
      return false;
    }
    return type != DType.F32
        || settings.tf32()
        || !notes.contains(CUDNN_NUMERICAL_NOTE_TENSOR_CORE());
  }

  @Override
  public void close() {
    descriptor.close();
  }
}
