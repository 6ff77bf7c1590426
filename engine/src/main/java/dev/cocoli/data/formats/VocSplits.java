package dev.cocoli.data.formats;

import dev.cocoli.data.DataException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;

/**
 * The splits of a data set with VOC's XML files: the lists in {@code ImageSets/Main}, else the
 * folders {@code train}, {@code valid} and {@code test}, else a division by names. A list has the
 * name of one image per line; the lists of a single class add 1, 0 or -1, which is ignored, because
 * the annotations say which objects an image has.
 */
final class VocSplits {

  /** The split of all images, where there are no lists. */
  private static final List<String> ALL = List.of("all", "trainval");

  private static final String TRAIN = "train";
  private static final String VALIDATION = "val";
  private static final Pattern FLAGGED = Pattern.compile("(.*\\S)\\s+(?:-1|0|1|\\+1)");
  private static final Pattern WITH_EXTENSION =
      Pattern.compile(
          "(.+)\\.(?:jpg|jpeg|png|bmp|gif|webp|tif|tiff|xml)", Pattern.CASE_INSENSITIVE);

  /**
   * One image of a split.
   *
   * @param stem its name without an extension
   * @param annotation its XML file, which may be missing
   * @param images the folder of its image
   */
  record Entry(String stem, Path annotation, Path images) {}

  private final Path root;
  private final double validationFraction;
  private final Optional<VocLayout> layout;
  private final Map<String, VocLayout> folders = new LinkedHashMap<>();
  private final Map<String, Path> lists = new TreeMap<>();

  private VocSplits(Path root, Optional<Path> images, double validationFraction) {
    this.root = root;
    this.validationFraction = validationFraction;
    Optional<VocLayout> whole =
        Files.isDirectory(root) ? VocLayout.find(root, images) : Optional.empty();
    if (whole.isEmpty() && Files.isDirectory(root)) {
      for (String name : List.of(TRAIN, "valid", VALIDATION, "validation", "test")) {
        Path folder = root.resolve(name);
        if (Files.isDirectory(folder)) {
          VocLayout.find(folder, Optional.empty())
              .ifPresent(found -> folders.putIfAbsent(usual(name), found));
        }
      }
    }
    this.layout =
        folders.isEmpty() ? Optional.of(VocLayout.require(whole, root, images)) : Optional.empty();
    layout
        .flatMap(VocLayout::lists)
        .ifPresent(
            folder ->
                NamedFiles.visible(folder).stream()
                    .filter(file -> file.getFileName().toString().endsWith(".txt"))
                    .forEach(file -> lists.put(NamedFiles.stem(file), file)));
  }

  private static String usual(String folder) {
    return folder.startsWith("valid") ? VALIDATION : folder;
  }

  /**
   * Finds the splits of a data set.
   *
   * @param root its folder
   * @param images the folder of its images, if it is not where {@link VocLayout} looks
   * @param validationFraction without lists, the part of the images that is the split {@code val}
   * @throws DataException if there are no annotations; the message says what is expected
   */
  static VocSplits of(Path root, Optional<Path> images, double validationFraction) {
    return new VocSplits(root, images, validationFraction);
  }

  /** Returns the names of the splits. */
  List<String> names() {
    if (!lists.isEmpty()) {
      return List.copyOf(lists.keySet());
    }
    if (!folders.isEmpty()) {
      return List.copyOf(folders.keySet());
    }
    return validationFraction > 0 ? List.of(TRAIN, VALIDATION, "all") : List.of(TRAIN, "all");
  }

  /** Returns the images of a split, in its order. */
  List<Entry> entries(String split) {
    if (lists.containsKey(split)) {
      List<Entry> entries = read(lists.get(split));
      if (entries.isEmpty()) {
        throw new DataException(lists.get(split) + ": the split names no image");
      }
      return entries;
    }
    VocLayout folder = folders.get(usual(split));
    if (folder != null) {
      return all(folder);
    }
    boolean divided = lists.isEmpty() && folders.isEmpty();
    if (divided && (names().contains(split) || ALL.contains(split))) {
      List<Entry> all = all(layout.orElseThrow());
      if (ALL.contains(split) || validationFraction == 0) {
        return all;
      }
      Predicate<Entry> isValidation = isValidation(all);
      return all.stream()
          .filter(split.equals(VALIDATION) ? isValidation : isValidation.negate())
          .toList();
    }
    Path where = layout.flatMap(VocLayout::lists).orElse(root);
    throw new DataException(
        "%s: there is no split '%s'; there is: %s"
            .formatted(where, split, String.join(", ", names())));
  }

  /**
   * An image belongs to the same split whatever other images there are, unless none of them would
   * be validated on; then it is the one with the smallest number.
   */
  private Predicate<Entry> isValidation(List<Entry> all) {
    Predicate<Entry> chosen = entry -> number(entry.stem()) < validationFraction;
    if (all.size() < 2 || all.stream().anyMatch(chosen)) {
      return chosen;
    }
    Entry first =
        all.stream().min(Comparator.comparingDouble(entry -> number(entry.stem()))).orElseThrow();
    return first::equals;
  }

  /** A number in [0, 1) that depends on the name alone. */
  private static double number(String stem) {
    CRC32 hash = new CRC32();
    hash.update(Normalizer.normalize(stem, Normalizer.Form.NFC).getBytes(StandardCharsets.UTF_8));
    return new SplittableRandom(hash.getValue()).nextDouble();
  }

  /** Returns the images of all splits together. */
  List<Entry> all() {
    Map<String, Entry> all = new LinkedHashMap<>();
    for (Path list : lists.values()) {
      read(list).forEach(entry -> all.put(entry.stem(), entry));
    }
    if (lists.isEmpty()) {
      layout.ifPresent(whole -> all(whole).forEach(entry -> all.put(entry.stem(), entry)));
      folders.forEach(
          (name, folder) -> all(folder).forEach(e -> all.put(name + "/" + e.stem(), e)));
    }
    return List.copyOf(all.values());
  }

  private static List<Entry> all(VocLayout layout) {
    return NamedFiles.visible(layout.annotations()).stream()
        .filter(file -> NamedFiles.hasExtension(file, "xml"))
        .map(file -> new Entry(NamedFiles.stem(file), file, layout.images()))
        .toList();
  }

  private List<Entry> read(Path list) {
    try {
      List<Entry> entries = new ArrayList<>();
      NamedFiles annotations = new NamedFiles(layout.orElseThrow().annotations(), List.of("xml"));
      for (String line : TextLines.read(list)) {
        entries.add(entry(line, list, annotations));
      }
      return entries;
    } catch (IOException e) {
      throw new DataException(e.getMessage(), e);
    }
  }

  private Entry entry(String line, Path list, NamedFiles annotations) {
    VocLayout whole = layout.orElseThrow();
    String stem = line;
    Matcher flagged = FLAGGED.matcher(line);
    if (flagged.matches() && annotations.find(line + ".xml").isEmpty()) {
      stem = flagged.group(1);
    }
    Matcher extended = WITH_EXTENSION.matcher(stem);
    if (extended.matches() && annotations.find(stem + ".xml").isEmpty()) {
      stem = extended.group(1);
    }
    Optional<Path> usual = NamedFiles.inside(whole.annotations(), stem + ".xml");
    Optional<Path> found = annotations.find(stem + ".xml");
    if (usual.isEmpty() && found.isEmpty()) {
      throw new DataException(list + ": the line '" + line + "' names no file inside the data set");
    }
    return new Entry(stem, found.or(() -> usual).orElseThrow(), whole.images());
  }
}
