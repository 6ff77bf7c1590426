package dev.cocoli.data.formats;

import dev.cocoli.data.DataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Finds the files of a folder by the names that annotations give them. Tools write names with the
 * separators and the folders of another machine, without an extension, with one of another case or
 * kind, encoded as in an address, or with accents as separate characters; none of that is a reason
 * to miss a file. The exact name comes first; a name that fits several files in no exact way fits
 * none. A path never leads out of the folder.
 */
public final class NamedFiles {

  /** The extensions of images that annotations may leave out or change, the usual ones first. */
  static final List<String> IMAGES =
      List.of("jpg", "jpeg", "png", "bmp", "gif", "webp", "tif", "tiff", "jpe", "jfif");

  private static final Pattern EXTENSION = Pattern.compile("(.+)\\.([A-Za-z0-9]{2,5})");

  /** What Label Studio writes before the path of a local file. */
  private static final Pattern QUERY = Pattern.compile("[^?]*\\?d=([^&]+).*");

  private final Path folder;
  private final List<String> extensions;
  private final Map<Path, Map<String, List<Path>>> byKey = new HashMap<>();

  /**
   * Looks for files in a folder.
   *
   * @param folder the folder
   * @param extensions those that a name may lack or have wrongly, without dots, in lower case
   */
  NamedFiles(Path folder, List<String> extensions) {
    this.folder = folder;
    this.extensions = extensions;
  }

  /** Returns the file of a name, if there is one. */
  Optional<Path> find(String name) {
    Set<String> spellings = spellings(name);
    return first(spellings, this::exact)
        .or(() -> first(spellings, this::otherExtension))
        .or(() -> first(spellings, this::otherCase));
  }

  /** Whether a file has a name to the letter, folders included. */
  boolean isExactly(Path file, String name) {
    return inside(folder, name).filter(file::equals).isPresent();
  }

  private static Optional<Path> first(
      Set<String> spellings, java.util.function.Function<String, Optional<Path>> search) {
    return spellings.stream().map(search).flatMap(Optional::stream).findFirst();
  }

  /** The ways to read a name as a path in the folder, the most literal first. */
  private static Set<String> spellings(String name) {
    Set<String> spellings = new LinkedHashSet<>();
    String slashed = name.replace('\\', '/').strip();
    // as it is first: a space at an end may be meant, and archives of Windows leave backslashes
    List<String> readings = new ArrayList<>(List.of(name, slashed));
    Matcher query = QUERY.matcher(slashed);
    if (query.matches()) {
      readings.add(query.group(1));
    }
    if (slashed.contains("?")) {
      readings.add(slashed.substring(0, slashed.indexOf('?')));
    }
    for (String reading : List.copyOf(readings)) {
      if (reading.contains("%")) {
        try {
          readings.add(URLDecoder.decode(reading.replace("+", "%2B"), StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
          // a name with a per cent sign
        }
      }
    }
    for (String reading : readings) {
      spellings.add(reading);
      // folders of another machine, one less at a time
      for (int slash = reading.indexOf('/'); slash >= 0; slash = reading.indexOf('/', slash + 1)) {
        spellings.add(reading.substring(slash + 1));
      }
    }
    spellings.remove("");
    return spellings;
  }

  private Optional<Path> exact(String name) {
    return inside(folder, name).filter(Files::isRegularFile);
  }

  private Optional<Path> otherExtension(String name) {
    for (String stem : stems(name)) {
      for (String extension : extensions) {
        Optional<Path> found = exact(stem + "." + extension);
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  private Optional<Path> otherCase(String name) {
    Path path = inside(folder, name).orElse(null);
    if (path == null) {
      return Optional.empty();
    }
    String last = path.getFileName().toString();
    Map<String, List<Path>> files = filesOf(path.getParent());
    Optional<Path> same = only(files.get(key(last)), last);
    if (same.isPresent()) {
      return same;
    }
    for (String stem : stems(last)) {
      for (String extension : extensions) {
        Optional<Path> found = only(files.get(key(stem + "." + extension)), stem);
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  /** The one file, or the one of several that begins with what the annotation wrote. */
  private static Optional<Path> only(List<Path> files, String written) {
    if (files == null || files.size() == 1) {
      return files == null ? Optional.empty() : Optional.of(files.getFirst());
    }
    List<Path> same =
        files.stream().filter(file -> file.getFileName().toString().startsWith(written)).toList();
    return same.size() == 1 ? Optional.of(same.getFirst()) : Optional.empty();
  }

  /** The name, to which an extension may be added, and the name without the one that it has. */
  private List<String> stems(String name) {
    Matcher extended = EXTENSION.matcher(name);
    boolean known =
        extended.matches() && extensions.contains(extended.group(2).toLowerCase(Locale.ROOT));
    return known ? List.of(extended.group(1), name) : List.of(name);
  }

  private Map<String, List<Path>> filesOf(Path parent) {
    return byKey.computeIfAbsent(
        parent,
        ignored -> {
          Map<String, List<Path>> files = new HashMap<>();
          for (Path file : visible(parent)) {
            if (!Files.isRegularFile(file)) {
              continue; // a link to nothing
            }
            files
                .computeIfAbsent(key(file.getFileName().toString()), key -> new ArrayList<>())
                .add(file);
          }
          return files;
        });
  }

  private static String key(String name) {
    return Normalizer.normalize(name, Normalizer.Form.NFC).toLowerCase(Locale.ROOT);
  }

  /**
   * {@return the files directly in a folder, sorted by name, without hidden ones: macOS leaves
   * {@code ._NAME} beside each file that it copies; nothing if there is no such folder}
   *
   * @param folder the folder
   * @throws DataException if it cannot be read
   */
  public static List<Path> visible(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> !file.getFileName().toString().startsWith("."))
          .filter(file -> !Files.isDirectory(file))
          .sorted()
          .toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException | UncheckedIOException e) {
      throw new DataException(folder + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  /** Whether a file has the extension of an image. */
  static boolean isImage(Path file) {
    return IMAGES.stream().anyMatch(extension -> hasExtension(file, extension));
  }

  /** Whether a file has an extension, in any case. */
  static boolean hasExtension(Path file, String extension) {
    return file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith("." + extension);
  }

  /** Returns a file's name without its extension. */
  static String stem(Path file) {
    String name = file.getFileName().toString();
    return name.substring(0, name.lastIndexOf('.'));
  }

  /** The path of a name inside a folder; empty if it is not a path or leads out of the folder. */
  static Optional<Path> inside(Path folder, String name) {
    try {
      Path path = folder.resolve(name).normalize();
      boolean below = path.startsWith(folder.normalize()) && !path.equals(folder.normalize());
      return below ? Optional.of(path) : Optional.empty();
    } catch (InvalidPathException e) {
      String encoding = System.getProperty("sun.jnu.encoding", "UTF-8");
      if (!encoding.equalsIgnoreCase("UTF-8") && !name.chars().allMatch(c -> c > 0 && c < 128)) {
        throw new DataException(
            "%s: a file in there cannot be called '%s', because the JVM was started in a locale without UTF-8 (sun.jnu.encoding is %s); set LC_ALL=C.UTF-8"
                .formatted(folder, name, encoding),
            e);
      }
      return Optional.empty();
    }
  }
}
