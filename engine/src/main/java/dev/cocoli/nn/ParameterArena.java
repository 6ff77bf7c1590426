package dev.cocoli.nn;

import dev.cocoli.backend.Backend;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * The memory of a model's parameters. All parameters that the optimizer updates lie in one
 * allocation; their gradients and each tensor of the optimizer state are further allocations of the
 * same layout, so that an update, a norm or an all-reduce is one call. Fixed parameters have a
 * separate allocation, so that what a backend derives from them does not become stale with every
 * step.
 */
public final class ParameterArena implements AutoCloseable {
  /** Parameters begin at multiples of this; the elements between them are 0 and stay so. */
  private static final long ALIGNMENT_ELEMENTS = 16;

  private final Backend backend;
  private final Module module;
  private final List<Buffer> buffers = new ArrayList<>();
  private final Tensor values;
  private final Tensor gradients;
  private final Map<String, Tensor> states = new LinkedHashMap<>();
  private final Tensor fixed;
  private final List<Parameter> learned;

  private ParameterArena(Backend backend, Module module, boolean training) {
    this.backend = backend;
    this.module = module;
    Collection<Parameter> named = module.namedParameters().values();
    learned = named.stream().filter(Parameter::isTrainable).toList();
    List<Parameter> others = named.stream().filter(parameter -> !parameter.isTrainable()).toList();
    try {
      values = allocate(learned);
      gradients = training ? allocate(learned) : null;
      bind(learned, values, gradients);
      fixed = allocate(others);
      bind(others, fixed, null);
      // apart, so that what is packed of one module's is not stale when another's are written
      for (List<Parameter> derived : module.derivedParameters()) {
        bind(derived, allocate(derived), null);
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /**
   * {@return memory for a model that only infers}
   *
   * @param backend where
   * @param module the model
   */
  public static ParameterArena forInference(Backend backend, Module module) {
    return new ParameterArena(backend, module, false);
  }

  /**
   * {@return memory for a model that is trained without optimizer state, with gradients of 0}
   *
   * @param backend where
   * @param module the model
   */
  public static ParameterArena forTraining(Backend backend, Module module) {
    return forTraining(backend, module, List.of());
  }

  /**
   * {@return memory for a model that is trained, with gradients and optimizer state of 0}
   *
   * @param backend where
   * @param module the model
   * @param stateNames the names of the optimizer state's tensors, each with the shape of the values
   */
  public static ParameterArena forTraining(
      Backend backend, Module module, List<String> stateNames) {
    ParameterArena arena = new ParameterArena(backend, module, true);
    try {
      for (String name : stateNames) {
        arena.states.computeIfAbsent(name, _ -> arena.allocate(arena.learned));
      }
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
    return arena;
  }

  private static long padded(Parameter parameter) {
    long count = parameter.shape().elementCount();
    return (count + ALIGNMENT_ELEMENTS - 1) / ALIGNMENT_ELEMENTS * ALIGNMENT_ELEMENTS;
  }

  private Tensor allocate(List<Parameter> parameters) {
    long elements = parameters.stream().mapToLong(ParameterArena::padded).sum();
    Buffer buffer = backend.allocate(Math.max(1, elements) * DType.F32.byteSize());
    buffers.add(buffer);
    return new Tensor(buffer, 0, Shape.of(elements), DType.F32);
  }

  private static void bind(List<Parameter> parameters, Tensor flat, Tensor flatGradient) {
    long at = 0;
    for (Parameter parameter : parameters) {
      long byteOffset = at * DType.F32.byteSize();
      parameter.bind(
          flat.view(byteOffset, parameter.shape(), DType.F32),
          flatGradient == null
              ? null
              : flatGradient.view(byteOffset, parameter.shape(), DType.F32));
      at += padded(parameter);
    }
  }

  /**
   * Draws every parameter's first values. Each parameter has a generator of its own, made from the
   * seed and the parameter's key, so that an additional layer does not change the others.
   *
   * @param seed the seed
   */
  public void initialize(long seed) {
    for (Map.Entry<String, Parameter> named : module.namedParameters().entrySet()) {
      Parameter parameter = named.getValue();
      float[] drawn = new float[Math.toIntExact(parameter.shape().elementCount())];
      parameter
          .initializer()
          .fill(drawn, new SplittableRandom(seed * 31 + named.getKey().hashCode()));
      backend.transfers().upload(drawn, parameter.value());
    }
  }

  /**
   * Makes the tape watch every parameter that the optimizer updates.
   *
   * @param tape the tape of the step
   */
  public void watch(Tape tape) {
    watch(tape, parameter -> null);
  }

  /**
   * Makes the tape watch every parameter that the optimizer updates.
   *
   * @param tape the tape of the step
   * @param onLastUse returns the action to run in the backward pass once the parameter's gradient
   *     is complete; it does not run for a parameter that the step does not use
   */
  public void watch(Tape tape, Function<Parameter, Runnable> onLastUse) {
    for (Parameter parameter : learned) {
      if (parameter.gradient() != null) {
        tape.watch(parameter.value(), parameter.gradient(), onLastUse.apply(parameter));
      }
    }
  }

  /** Records that all values stay as they are now, as those of a detector do. */
  public void settle() {
    buffers.forEach(Buffer::markSettled);
  }

  /** {@return the parameters that the optimizer updates, in the order of the arena} */
  public List<Parameter> learned() {
    return learned;
  }

  /** {@return the values of all parameters that the optimizer updates, {@code [P]}} */
  public Tensor values() {
    return values;
  }

  /** {@return their gradients, {@code [P]}; null without training} */
  public Tensor gradients() {
    return gradients;
  }

  /** {@return the tensors of the optimizer state by name, {@code [P]} each} */
  public Map<String, Tensor> states() {
    return Collections.unmodifiableMap(states);
  }

  /**
   * {@return one tensor of the optimizer state, {@code [P]}}
   *
   * @param name its name
   * @throws IllegalArgumentException if the arena was made without it
   */
  public Tensor state(String name) {
    Tensor state = states.get(name);
    if (state == null) {
      throw new IllegalArgumentException("there is no state '" + name + "': " + states.keySet());
    }
    return state;
  }

  /**
   * {@return everything in the state that the optimizer does not update: frozen parameters and
   * running statistics, {@code [F]}}
   */
  public Tensor fixed() {
    return fixed;
  }

  /** {@return the model} */
  public Module module() {
    return module;
  }

  /** {@return the backend that the memory belongs to} */
  public Backend backend() {
    return backend;
  }

  @Override
  public void close() {
    buffers.forEach(Buffer::close);
  }
}
