package dev.cocoli.cli;

import dev.cocoli.detection.Models;
import java.util.Iterator;

/** The names that {@code --model} takes, for help and completion. */
final class ModelNames implements Iterable<String> {
  @Override
  public Iterator<String> iterator() {
    return Models.names().iterator();
  }
}
