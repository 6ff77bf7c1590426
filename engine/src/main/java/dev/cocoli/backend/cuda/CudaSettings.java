package dev.cocoli.backend.cuda;

import dev.cocoli.backend.cuda.kernels.Summation;

/**
 * What the JVM's properties say about computing on a GPU.
 *
 * @param synchronous {@code cocoli.cuda.sync}: wait after every call, so that the one that fails is
 *     the one that throws
 * @param tf32 {@code cocoli.cuda.tf32}: multiply fp32 with 10 bits of mantissa on tensor cores
 * @param deterministic {@code cocoli.cuda.deterministic}: the same bits in every run on the same
 *     GPU with the same libraries, for which nothing is timed, engines that say that their results
 *     vary are left out, and our kernels add whole numbers where threads come in any order
 * @param workspaceBytes {@code cocoli.cuda.workspace}, there in MiB: the most scratch memory that a
 *     convolution may take
 * @param graphs {@code cocoli.cuda.graphs}: capture regions as CUDA graphs; not where every call is
 *     waited for
 * @param exact {@code cocoli.cuda.exact}: give every tensor an allocation of its own, so that a
 *     memory checker sees where it ends
 * @param compileSeconds {@code cocoli.cuda.compile}: how long a process may compile fused
 *     convolutions at first; from then on it is a small part of its time
 */
public record CudaSettings(
    boolean synchronous,
    boolean tf32,
    boolean deterministic,
    long workspaceBytes,
    boolean graphs,
    boolean exact,
    int compileSeconds) {
  private static final int DEFAULT_WORKSPACE_MIB = 1024;
  private static final int DEFAULT_COMPILE_SECONDS = 20;

  /** Returns how kernels of our own add. */
  Summation summation() {
    return deterministic ? Summation.DETERMINISTIC : Summation.FASTEST;
  }

  static CudaSettings ofProperties() {
    int workspace = atLeastZero("cocoli.cuda.workspace", DEFAULT_WORKSPACE_MIB, "MiB");
    boolean synchronous = Boolean.getBoolean("cocoli.cuda.sync");
    return new CudaSettings(
        synchronous,
        Boolean.getBoolean("cocoli.cuda.tf32"),
        Boolean.getBoolean("cocoli.cuda.deterministic"),
        (long) workspace << 20,
        Boolean.getBoolean("cocoli.cuda.graphs") && !synchronous,
        Boolean.getBoolean("cocoli.cuda.exact"),
        atLeastZero("cocoli.cuda.compile", DEFAULT_COMPILE_SECONDS, "seconds"));
  }

  private static int atLeastZero(String property, int otherwise, String unit) {
    int value = Integer.getInteger(property, otherwise);
    if (value < 0) {
      throw new IllegalArgumentException(
          "%s is %d %s; it is at least 0".formatted(property, value, unit));
    }
    return value;
  }
}
