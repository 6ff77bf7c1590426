package dev.cocoli.cli;

import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import java.util.Arrays;
import java.util.Set;

/**
 * Loads what computes on the processor on a thread of its own while the first one reads the command
 * line and the weights' description: oneDNN, its bindings and the classes of the backend.
 */
final class LoadingAhead {
  private static final Set<String> COMPUTING = Set.of("detect", "eval", "train");

  /** With these a command only prints. */
  private static final Set<String> PRINTING =
      Set.of("--help", "-h", CommandHelp.ALL, "--version", "-V");

  private LoadingAhead() {}

  /** Begins, if a command computes; returns at once. */
  static void begin(String... words) {
    if (computes(words)) {
      Thread.ofPlatform().name("cocoli-loader").daemon().start(LoadingAhead::load);
    }
  }

  static boolean computes(String... words) {
    return words.length > 1
        && COMPUTING.contains(words[0])
        && Arrays.stream(words).noneMatch(PRINTING::contains);
  }

  private static void load() {
    try {
      Backends.open(Device.CPU, 1).close();
    } catch (RuntimeException | LinkageError e) {
      // the command opens its own backend, and says what is wrong
    }
  }
}
