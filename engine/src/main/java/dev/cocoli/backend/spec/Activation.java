package dev.cocoli.backend.spec;

/** What a primitive applies to its result, elementwise, before it writes it. */
public enum Activation {
  /** Nothing. */
  NONE,
  /** {@code max(x, 0)}. */
  RELU
}
