package dev.cocoli.data.formats;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A split of a folder with COCO's annotation files: COCO's own layout ({@code
 * annotations/instances_SPLIT.json} and {@code SPLIT/}, or {@code images/SPLIT/}, where SPLIT may
 * end with a year), or Roboflow's ({@code SPLIT/_annotations.coco.json} among the images).
 *
 * @param file the annotation file
 * @param images the folder of its images
 */
public record CocoLayout(Path file, Path images) {

  private static final Pattern INSTANCES = Pattern.compile("instances_(.+)\\.json");
  private static final Pattern WITH_YEAR = Pattern.compile("(.*\\D)\\d{4}");

  /** Names of the same split. */
  private static final List<String> VALIDATION = List.of("val", "valid", "validation");

  private static final String ROBOFLOW = "_annotations.coco.json";

  /**
   * Finds the splits of a folder.
   *
   * @param root the folder
   * @return the splits by name; none if it is laid out in another way
   */
  public static Map<String, CocoLayout> splits(Path root) {
    Map<String, CocoLayout> splits = new LinkedHashMap<>();
    for (Path file : NamedFiles.visible(root.resolve("annotations"))) {
      Matcher name = INSTANCES.matcher(file.getFileName().toString());
      if (name.matches()) {
        splits.put(name.group(1), new CocoLayout(file, imagesOf(root, name.group(1))));
      }
    }
    for (String folder : List.of("train", "valid", "test")) {
      Path file = root.resolve(folder).resolve(ROBOFLOW);
      if (Files.isRegularFile(file)) {
        splits.put(
            folder.equals("valid") ? "val" : folder, new CocoLayout(file, root.resolve(folder)));
      }
    }
    return splits;
  }

  /**
   * {@return a split of a folder; nothing if it has none of that name, nor exactly one that adds a
   * year to it. The names val, valid and validation mean the same}
   *
   * @param root the folder
   * @param split the split's name
   */
  public static Optional<CocoLayout> find(Path root, String split) {
    Map<String, CocoLayout> splits = splits(root);
    if (splits.containsKey(split)) {
      return Optional.of(splits.get(split));
    }
    if (VALIDATION.contains(split)) {
      List<String> same = VALIDATION.stream().filter(splits::containsKey).toList();
      if (!same.isEmpty()) {
        return Optional.of(splits.get(same.getFirst()));
      }
    }
    List<CocoLayout> found = new ArrayList<>();
    splits.forEach(
        (name, layout) -> {
          Matcher year = WITH_YEAR.matcher(name);
          if (year.matches() && year.group(1).equals(split)) {
            found.add(layout);
          }
        });
    return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
  }

  private static Path imagesOf(Path root, String split) {
    for (Path folder : List.of(root.resolve(split), root.resolve("images").resolve(split))) {
      if (Files.isDirectory(folder)) {
        return folder;
      }
    }
    Path images = root.resolve("images");
    return Files.isDirectory(images) ? images : root.resolve(split);
  }
}
