/** Benchmarks that a reader can repeat. */
package dev.cocoli.benchmarks;
