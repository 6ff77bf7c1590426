package dev.cocoli.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The weights that a run starts from.
 *
 * @param file a file of a detector or of a classifier with the same backbone
 * @param classNames the classes of a detector whose file does not name them; nothing if they are
 *     not known
 */
public record StartingWeights(Path file, Optional<List<String>> classNames) {
  /** Copies the names. */
  public StartingWeights {
    classNames = classNames.map(List::copyOf);
  }
}
