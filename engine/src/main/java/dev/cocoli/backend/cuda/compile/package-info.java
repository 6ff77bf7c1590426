/** Compiles the kernels at first use with NVRTC, keeps the results, and loads them. */
package dev.cocoli.backend.cuda.compile;
