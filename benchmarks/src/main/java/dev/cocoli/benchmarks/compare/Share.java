package dev.cocoli.benchmarks.compare;

import dev.cocoli.tensor.Precision;
import java.util.Map;

/**
 * Where Cocoli's time goes.
 *
 * @param task what was done
 * @param precision in what
 * @param seconds of the whole
 * @param oneDnnSeconds what oneDNN says that its primitives took, in the same run
 * @param byKind the same by kind of primitive
 * @param floorSeconds the bare primitives of the same layers
 */
record Share(
    String task,
    Precision precision,
    double seconds,
    double oneDnnSeconds,
    Map<String, Double> byKind,
    double floorSeconds) {

  /** {@return the part of the time that is not oneDNN's, 0 to 1} */
  double own() {
    return 1 - oneDnnSeconds / seconds;
  }
}
