/**
 * An NVIDIA GPU: cuDNN and cuBLAS for what multiplies matrices, kernels of our own, compiled at
 * first use, for the rest. Classes named {@code *Kernels} have the methods of the {@code *Loops} of
 * {@code backend.cpu}, with the same arguments.
 */
package dev.cocoli.backend.cuda;
