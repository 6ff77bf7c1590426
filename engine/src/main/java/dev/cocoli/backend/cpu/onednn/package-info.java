/**
 * What the CPU backend computes with oneDNN: convolutions, matrix products, batch normalization.
 */
package dev.cocoli.backend.cpu.onednn;
