package dev.cocoli.bundle.prove;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The names of our kernels, from their sources: what the macro KERNEL is called with, directly or
 * by other macros.
 */
final class OurKernels {
  private static final String FOLDER = "/dev/cocoli/cuda/";
  private static final String KERNEL = "KERNEL";
  private static final Pattern DEFINITION =
      Pattern.compile("(?m)^#define (\\w+)\\(([^)]*)\\)((?:.*\\\\\\n)*.*)$");
  private static final Pattern CALL = Pattern.compile("\\b([A-Z_]+)\\(([^()]*)\\)");

  /**
   * A macro.
   *
   * @param parameters their names
   * @param body what it stands for
   */
  private record Macro(List<String> parameters, String body) {
    String expand(String arguments) {
      String[] values = arguments.split(",");
      String text = body;
      for (int i = 0; i < Math.min(values.length, parameters.size()); i++) {
        String value = Matcher.quoteReplacement(values[i].strip());
        text = text.replaceAll("\\b" + parameters.get(i) + "\\b", value);
      }
      return text.replaceAll("\\s*##\\s*", "").replace("\\\n", "\n");
    }
  }

  private OurKernels() {}

  /** {@return the names, sorted} */
  static SortedSet<String> names() throws IOException {
    try {
      URI place = OurKernels.class.getResource(FOLDER + "cocoli.cuh").toURI();
      if (!place.getScheme().equals("jar")) {
        return names(Path.of(place).getParent());
      }
      try (FileSystem jar = FileSystems.newFileSystem(place, Map.of())) {
        return names(jar.getPath(FOLDER));
      }
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static SortedSet<String> names(Path folder) throws IOException {
    List<String> headers = new ArrayList<>();
    List<String> files = new ArrayList<>();
    try (Stream<Path> all = Files.list(folder)) {
      for (Path file : all.toList()) {
        if (file.toString().endsWith(".cuh")) {
          headers.add(Files.readString(file));
        } else if (file.toString().endsWith(".cu")) {
          files.add(Files.readString(file));
        }
      }
    }
    Map<String, Macro> shared = new HashMap<>();
    headers.forEach(header -> define(header, shared));
    SortedSet<String> names = new TreeSet<>();
    for (String file : files) {
      Map<String, Macro> macros = new HashMap<>(shared);
      define(file, macros);
      collect(DEFINITION.matcher(file).replaceAll(""), macros, names);
    }
    return names;
  }

  private static void define(String text, Map<String, Macro> macros) {
    for (MatchResult found : DEFINITION.matcher(text).results().toList()) {
      List<String> parameters = Stream.of(found.group(2).split(",")).map(String::strip).toList();
      macros.put(found.group(1), new Macro(parameters, found.group(3)));
    }
  }

  private static void collect(String text, Map<String, Macro> macros, SortedSet<String> names) {
    for (MatchResult call : CALL.matcher(text).results().toList()) {
      Macro macro = macros.get(call.group(1));
      if (call.group(1).equals(KERNEL)) {
        names.add(call.group(2).split(",")[0].strip());
      } else if (macro != null) {
        collect(macro.expand(call.group(2)), macros, names);
      }
    }
  }
}
