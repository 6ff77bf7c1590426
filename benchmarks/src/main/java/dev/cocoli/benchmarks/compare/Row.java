package dev.cocoli.benchmarks.compare;

import dev.cocoli.tensor.Precision;
import java.util.List;

/**
 * Cocoli beside one peer at one task.
 *
 * @param task what was done, such as {@code detection}
 * @param precision Cocoli's
 * @param peer its name
 * @param peerPrecision its precision
 * @param ours Cocoli's seconds, round by round
 * @param theirs the peer's
 * @param ourBytes peak of Cocoli's resident memory; 0 if it was not looked at
 * @param theirBytes the peer's
 */
record Row(
    String task,
    Precision precision,
    String peer,
    Precision peerPrecision,
    List<Double> ours,
    List<Double> theirs,
    long ourBytes,
    long theirBytes) {

  /** {@return how many times as long the peer takes} */
  double ratio() {
    return Medians.of(theirs) / Medians.of(ours);
  }

  /** {@return how many times as much memory the peer takes; NaN if it was not looked at} */
  double memoryRatio() {
    return ourBytes == 0 || theirBytes == 0 ? Double.NaN : (double) theirBytes / ourBytes;
  }
}
