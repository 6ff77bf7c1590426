package dev.cocoli.eval;

import java.text.Normalizer;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The ids and file names by which results refer to the images of a ground truth. An id may be any
 * text; where all are integers they are used as they are, otherwise they are numbered in the order
 * of the texts, in which pycocotools goes through them, too.
 */
public final class CocoImageNames {

  /** An id that no image has. */
  private static final long AMBIGUOUS = Long.MIN_VALUE;

  private final Map<String, Long> byId = new HashMap<>();
  private final Map<String, Long> byName = new HashMap<>();
  private final Map<Long, String> names = new HashMap<>();

  private CocoImageNames() {}

  /**
   * Returns the names of images.
   *
   * @param ids their ids, without repetition
   * @param fileNames their files in the same order, null for one without
   */
  static CocoImageNames of(List<String> ids, List<String> fileNames) {
    CocoImageNames all = new CocoImageNames();
    boolean numbers = ids.stream().allMatch(CocoImageNames::isInteger);
    if (numbers) {
      ids.forEach(id -> all.byId.put(id, Long.parseLong(id)));
    } else {
      for (String id : ids.stream().sorted().toList()) {
        all.byId.put(id, (long) all.byId.size());
      }
    }
    for (int i = 0; i < fileNames.size(); i++) {
      if (fileNames.get(i) != null) {
        all.add(all.byId.get(ids.get(i)), fileNames.get(i));
      }
    }
    return all;
  }

  private static boolean isInteger(String id) {
    return id.matches("0|-?[1-9]\\d{0,17}");
  }

  private void add(long id, String fileName) {
    names.put(id, fileName);
    String tail = path(fileName);
    byName.merge(tail, id, CocoImageNames::same);
    while (tail.contains("/")) { // folders of another machine, one less at a time
      tail = tail.substring(tail.indexOf('/') + 1);
      byName.merge(tail, id, CocoImageNames::same);
    }
  }

  private static Long same(Long former, Long now) {
    return former.equals(now) ? now : Long.valueOf(AMBIGUOUS);
  }

  private static String path(String name) {
    return Normalizer.normalize(name.replace('\\', '/'), Normalizer.Form.NFC);
  }

  /** Returns the number of the image with an id, or null. */
  Long ofId(String id) {
    return byId.get(id);
  }

  /** Returns the number of the only image with a file name, or null. */
  Long ofFile(String fileName) {
    String path = path(fileName);
    Long found = byName.get(path);
    if (found == null) {
      found = byName.get(path.substring(path.lastIndexOf('/') + 1));
    }
    return found == null || found == AMBIGUOUS ? null : found;
  }

  /** Returns the file name of an image, or null. */
  String fileName(long image) {
    return names.get(image);
  }

  /** Whether a file name can be that of an image: but for folders, case and extension. */
  boolean mayBe(long image, String fileName) {
    String own = names.get(image);
    return own == null || stem(own).equals(stem(fileName));
  }

  private static String stem(String name) {
    String path = path(name);
    String last = path.substring(path.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
    return last.contains(".") ? last.substring(0, last.lastIndexOf('.')) : last;
  }
}
