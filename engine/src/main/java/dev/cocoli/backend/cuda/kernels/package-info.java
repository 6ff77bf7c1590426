/**
 * The kernels of our own. A class named {@code *Kernels} has the methods of the {@code *Loops}
 * class of the CPU backend, with the same arguments.
 */
package dev.cocoli.backend.cuda.kernels;
