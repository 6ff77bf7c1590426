/** Captures CUDA graphs and replays them. */
package dev.cocoli.backend.cuda.graphs;
