package dev.cocoli.benchmarks.compare;

import dev.cocoli.tensor.Precision;
import java.util.List;

/**
 * The measurements of Cocoli and one peer at one task.
 *
 * @param task the task, such as {@code detection}
 * @param precision Cocoli's precision
 * @param peer the peer's name
 * @param peerPrecision the peer's precision
 * @param ours Cocoli's seconds per round
 * @param theirs the peer's seconds per round
 * @param ourBytes peak of Cocoli's resident memory; 0 if it was not measured
 * @param theirBytes peak of the peer's
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

  /** {@return the peer's time over Cocoli's} */
  double ratio() {
    return Medians.of(theirs) / Medians.of(ours);
  }

  /** {@return the peer's memory over Cocoli's; NaN if it was not measured} */
  double memoryRatio() {
    return ourBytes == 0 || theirBytes == 0 ? Double.NaN : (double) theirBytes / ourBytes;
  }
}
