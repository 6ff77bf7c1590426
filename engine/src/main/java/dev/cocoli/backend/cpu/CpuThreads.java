package dev.cocoli.backend.cpu;

import dev.cocoli.bindings.onednn.OneDnn;
import dev.cocoli.bindings.onednn.OpenMpSettings;
import dev.cocoli.bindings.onednn.OpenMpTeam;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** How many threads compute, and how oneDNN's wait for work. */
public final class CpuThreads {
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
  public static int count() {
    int threads = Integer.getInteger("cocoli.threads", Runtime.getRuntime().availableProcessors());
    if (threads < 1) {
      throw new IllegalArgumentException("cocoli.threads is " + threads + "; it is at least 1");
    }
    return threads;
  }

  /** Makes oneDNN compute with so many threads for the calling thread from now on. */
  static void resizeTeam(int threads) {
    OneDnn.load(settings(count()));
    OpenMpTeam.resize(threads);
  }

  static OpenMpSettings settings(int threads) {
    return new OpenMpSettings(
        OptionalInt.of(threads), OpenMpSettings.WaitPolicy.UNSET, OptionalLong.of(SPIN_COUNT));
  }
}
