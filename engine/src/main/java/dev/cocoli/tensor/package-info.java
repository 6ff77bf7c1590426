/**
 * Tensors as data: element types, shapes, devices and the memory that holds the elements. Nothing
 * here computes.
 */
package dev.cocoli.tensor;
