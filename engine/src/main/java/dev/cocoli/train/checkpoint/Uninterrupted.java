package dev.cocoli.train.checkpoint;

/**
 * The time in which a thread writes what an interrupt would break off: the interrupt would close
 * the file. An interrupt that came before is there again afterwards.
 */
final class Uninterrupted implements AutoCloseable {
  private final boolean interrupted = Thread.interrupted();

  @Override
  public void close() {
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
