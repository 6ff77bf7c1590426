/**
 * What a device must be able to do: the primitives, their specifications, and the memory that they
 * work in. Two implementations stand below, one a device kind.
 */
package dev.cocoli.backend;
