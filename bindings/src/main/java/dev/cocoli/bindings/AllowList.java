package dev.cocoli.bindings;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Reads the list of functions from which a library's bindings are generated, and finds those that
 * the loaded library lacks.
 */
final class AllowList {
  private static final String PREFIX = "--include-function ";

  private AllowList() {}

  /** The functions of a library, given the name of its list. */
  static List<String> functions(String library) {
    String resource = library + ".txt";
    try (InputStream in = AllowList.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("The jar of the bindings lacks " + resource);
      }
      return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))
          .lines()
          .filter(line -> line.startsWith(PREFIX))
          .map(line -> line.substring(PREFIX.length()).strip())
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The listed functions that a loaded library and those that it needs lack. */
  static List<String> unresolved(String library, SymbolLookup loaded) {
    return functions(library).stream().filter(name -> loaded.find(name).isEmpty()).toList();
  }
}
