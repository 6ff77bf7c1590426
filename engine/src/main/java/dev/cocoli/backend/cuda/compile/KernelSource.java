package dev.cocoli.backend.cuda.compile;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A file of kernels with all that it includes, as text.
 *
 * @param name the file's name, {@code region.cu}
 * @param text what is in it
 * @param headers what it includes, directly or not, by the name in the directive
 */
record KernelSource(String name, String text, SortedMap<String, String> headers) {
  private static final String FOLDER = "/dev/cocoli/cuda/";
  private static final Pattern INCLUDE = Pattern.compile("(?m)^\\s*#\\s*include\\s+\"([^\"]+)\"");

  /**
   * Reads a file of kernels of this library.
   *
   * @param file {@code region} for {@code region.cu}
   */
  static KernelSource ofResource(String file) {
    return of(file + ".cu", KernelSource::read);
  }

  /**
   * Reads a file and what it includes.
   *
   * @param name its name
   * @param reader gives the text of a name
   */
  static KernelSource of(String name, Function<String, String> reader) {
    String text = reader.apply(name);
    SortedMap<String, String> headers = new TreeMap<>();
    collect(text, headers, reader);
    return new KernelSource(name, text, headers);
  }

  private static void collect(
      String text, SortedMap<String, String> headers, Function<String, String> reader) {
    Matcher matcher = INCLUDE.matcher(text);
    while (matcher.find()) {
      String header = matcher.group(1);
      if (!headers.containsKey(header)) {
        headers.put(header, reader.apply(header));
        collect(headers.get(header), headers, reader);
      }
    }
  }

  private static String read(String name) {
    try (InputStream in = KernelSource.class.getResourceAsStream(FOLDER + name)) {
      if (in == null) {
        throw new IllegalStateException("the kernels' source " + FOLDER + name + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
