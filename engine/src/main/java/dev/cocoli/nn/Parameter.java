package dev.cocoli.nn;

import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;

/**
 * A named array of a module: learned, or a buffer that is only carried along (a running mean). It
 * has no memory until a {@link ParameterArena} gives it some.
 */
public final class Parameter {

  /** What training does with it. */
  public enum Kind {
    /** The optimiser moves it. */
    LEARNED,
    /** Part of the state, but not moved by the optimiser. */
    BUFFER,
    /** Computed from others: memory, but no part of the state. */
    DERIVED
  }

  private final Kind kind;
  private final Shape shape;
  private final Layout layout;
  private final Initializer initializer;
  private boolean frozen;
  private Tensor value;
  private Tensor gradient;

  Parameter(Kind kind, Shape shape, Layout layout, Initializer initializer) {
    this.kind = kind;
    this.shape = shape;
    this.layout = layout;
    this.initializer = initializer;
  }

  /** {@return what training does with it} */
  public Kind kind() {
    return kind;
  }

  /** {@return the shape in the engine} */
  public Shape shape() {
    return shape;
  }

  /** {@return how it lies in a torch file} */
  public Layout layout() {
    return layout;
  }

  /** {@return how its first values are drawn} */
  public Initializer initializer() {
    return initializer;
  }

  /** Keeps the optimiser from it: it is not watched, so its gradient costs nothing. */
  public void freeze() {
    frozen = true;
  }

  /** {@return whether the optimiser moves it} */
  public boolean isTrainable() {
    return kind == Kind.LEARNED && !frozen;
  }

  /** {@return its values} */
  public Tensor value() {
    if (value == null) {
      throw new IllegalStateException("a parameter " + shape + " has no memory yet");
    }
    return value;
  }

  /** {@return where its gradient accumulates; null if it has none} */
  public Tensor gradient() {
    return gradient;
  }

  void bind(Tensor newValue, Tensor newGradient) {
    value = newValue;
    gradient = newGradient;
  }
}
