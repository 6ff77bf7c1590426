/**
 * Differentiable operations: what models are written in. Shapes are checked here, once; a {@link
 * dev.cocoli.ops.Tape} remembers what the backward pass needs.
 */
package dev.cocoli.ops;
