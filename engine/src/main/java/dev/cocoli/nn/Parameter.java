package dev.cocoli.nn;

import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.Optional;

/**
 * A named array of a module: a learned parameter, or a buffer such as a running mean. A {@link
 * ParameterArena} gives it memory.
 */
public final class Parameter {

  /** The role of an array in training. */
  public enum Kind {
    /** Updated by the optimizer. */
    LEARNED,
    /** Part of the state, but not updated by the optimizer. */
    BUFFER,
    /** Computed from other parameters, and not part of the state. */
    DERIVED
  }

  private final Kind kind;
  private final Shape shape;
  private final Layout layout;
  private final Initializer initializer;
  private ClassRows classRows;
  private boolean frozen;
  private Tensor value;
  private Tensor gradient;

  Parameter(Kind kind, Shape shape, Layout layout, Initializer initializer) {
    this.kind = kind;
    this.shape = shape;
    this.layout = layout;
    this.initializer = initializer;
  }

  /** {@return its role in training} */
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

  /** Excludes it from training: the tape does not watch it, so it gets no gradient. */
  public void freeze() {
    frozen = true;
  }

  /** {@return which of its rows belong to which class; nothing if all serve every class} */
  public Optional<ClassRows> classRows() {
    return Optional.ofNullable(classRows);
  }

  void setClassRows(ClassRows rows) {
    classRows = rows;
  }

  /** {@return whether the optimizer updates it} */
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
