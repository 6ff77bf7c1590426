package dev.cocoli.bindings;

import java.nio.file.Path;

/**
 * A directory that was searched for libraries.
 *
 * @param source the reason why it was searched, for example {@code LD_LIBRARY_PATH}
 * @param directory the directory, which need not exist
 */
public record SearchedPlace(String source, Path directory) {}
