package dev.cocoli.backend.cuda;

/** How kernels add what many threads have for one place. */
enum Summation {
  /** Floats, in the order in which the threads come: the last bits change from run to run. */
  FASTEST,
  /** So that every run has the same bits, with more memory. */
  DETERMINISTIC
}
