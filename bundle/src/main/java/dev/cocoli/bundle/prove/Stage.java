package dev.cocoli.bundle.prove;

import java.io.IOException;

/** A part of the proof: runs its checks within its time, and reports each finding. */
@FunctionalInterface
interface Stage {
  /**
   * Runs the checks.
   *
   * @param request what is asked for
   * @param report the stage's time; receives lines and findings as they come
   */
  void run(Request request, StageReport report) throws IOException, InterruptedException;
}
