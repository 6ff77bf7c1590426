/** Tensors as data: element types, shapes, devices and memory. Nothing here computes. */
package dev.cocoli.tensor;
