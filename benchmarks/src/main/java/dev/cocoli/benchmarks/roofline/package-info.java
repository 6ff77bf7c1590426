/**
 * Counts what one training step or one detection asks of a GPU, without a GPU, and how long that
 * takes at a card's rates.
 */
package dev.cocoli.benchmarks.roofline;
