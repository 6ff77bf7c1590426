/** Compares Cocoli with other systems: the same work, on the same machine, in turn. */
package dev.cocoli.benchmarks.compare;
