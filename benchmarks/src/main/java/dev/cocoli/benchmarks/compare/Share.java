package dev.cocoli.benchmarks.compare;

import dev.cocoli.tensor.Precision;
import java.util.Map;

/**
 * The parts of Cocoli's time at one task.
 *
 * @param task the task
 * @param precision the precision
 * @param seconds the whole time
 * @param oneDnnSeconds the time of its primitives as oneDNN reports it, in the same run
 * @param byKind the same per kind of primitive
 * @param floorSeconds the time of the bare primitives of the same layers
 */
record Share(
    String task,
    Precision precision,
    double seconds,
    double oneDnnSeconds,
    Map<String, Double> byKind,
    double floorSeconds) {

  /** {@return the fraction of the time that is not oneDNN's, 0 to 1} */
  double own() {
    return 1 - oneDnnSeconds / seconds;
  }
}
