package dev.cocoli.bindings;

import java.nio.file.Path;

/**
 * A directory in which libraries were looked for.
 *
 * @param source what led there, for example {@code LD_LIBRARY_PATH}
 * @param directory the directory, which need not exist
 */
public record SearchedPlace(String source, Path directory) {}
