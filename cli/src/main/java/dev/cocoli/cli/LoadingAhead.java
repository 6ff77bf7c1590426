package dev.cocoli.cli;

import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import java.util.Set;

/**
 * Loads what computes on the processor on a thread of its own while the first one reads the command
 * line and the weights' description: oneDNN, its bindings and the classes of the backend.
 */
final class LoadingAhead {
  private static final Set<String> COMPUTING = Set.of("detect", "eval", "train");

  private LoadingAhead() {}

  /** Begins, if a command computes; returns at once. */
  static void begin(String... words) {
    if (words.length > 0 && COMPUTING.contains(words[0])) {
      Thread.ofPlatform().name("cocoli-loader").daemon().start(LoadingAhead::load);
    }
  }

  private static void load() {
    try {
      Backends.open(Device.CPU, 1).close();
    } catch (RuntimeException | LinkageError e) {
      // the command opens its own backend, and says what is wrong
    }
  }
}
