package dev.cocoli.backend.cuda.kernels;

/** How kernels add what many threads have for one place. */
public enum Summation {
  /** Floats, in the order in which the threads come: the last bits change from run to run. */
  FASTEST,
  /** So that every run has the same bits, with more memory. */
  DETERMINISTIC
}
