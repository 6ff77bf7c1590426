/**
 * Tensors as data: element types, shapes, devices and the memory behind them. Nothing here
 * computes.
 */
package dev.cocoli.tensor;
