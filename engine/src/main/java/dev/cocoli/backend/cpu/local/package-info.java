/** Ranks that are threads of one process, with their tensors in host memory. */
package dev.cocoli.backend.cpu.local;
