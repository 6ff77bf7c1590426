package dev.cocoli.backend.cpu;

import dev.cocoli.bindings.OneDnn;
import dev.cocoli.bindings.OpenMpSettings;
import dev.cocoli.bindings.OpenMpTeam;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** How many threads compute, and how oneDNN's wait for work. */
final class CpuThreads {
  /**
   * Rounds that oneDNN's threads spin before they sleep: some microseconds, so that they neither
   * miss the next primitive of a chain nor keep the cores from the loops in Java that follow.
   */
  private static final long SPIN_COUNT = 10_000;

  private CpuThreads() {}

  /**
   * Returns the property {@code cocoli.threads}, or the number of processors.
   *
   * @throws IllegalArgumentException if it is less than 1
   */
  static int count() {
    int threads = Integer.getInteger("cocoli.threads", Runtime.getRuntime().availableProcessors());
    if (threads < 1) {
      throw new IllegalArgumentException("cocoli.threads is " + threads + "; it is at least 1");
    }
    return threads;
  }

  /** Returns a replica's part of the threads, with which oneDNN computes for the caller. */
  static int ofReplica(int replicas) {
    OneDnn.load(settings(count()));
    int part = Math.max(1, count() / replicas);
    OpenMpTeam.resize(part);
    return part;
  }

  static OpenMpSettings settings(int threads) {
    return new OpenMpSettings(
        OptionalInt.of(threads), OpenMpSettings.WaitPolicy.UNSET, OptionalLong.of(SPIN_COUNT));
  }
}
