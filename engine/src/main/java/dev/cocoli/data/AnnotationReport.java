package dev.cocoli.data;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What was found in the annotations of a data set. Counts are complete; of the findings only the
 * first {@link #MOST_FINDINGS} are kept.
 *
 * @param pictures pictures that can be used
 * @param picturesWithoutObjects those among them on which nothing is marked
 * @param picturesDropped pictures that were left out
 * @param objects objects that can be used, crowds included
 * @param crowds those among them that are crowds
 * @param objectsDropped objects that were left out, without those of dropped pictures
 * @param objectsClipped objects cut at the edge of their picture
 * @param counts how often each problem was found
 * @param findings the problems, in the order of the files
 */
public record AnnotationReport(
    int pictures,
    int picturesWithoutObjects,
    int picturesDropped,
    int objects,
    int crowds,
    int objectsDropped,
    int objectsClipped,
    Map<Problem, Integer> counts,
    List<Finding> findings) {

  /** So many findings are kept. */
  public static final int MOST_FINDINGS = 1000;

  /** Copies the collections. */
  public AnnotationReport {
    counts = Map.copyOf(counts);
    findings = List.copyOf(findings);
  }

  /** What can be wrong with an annotation. */
  public enum Problem {
    /** {@code x2 <= x1} or {@code y2 <= y1}. */
    DEGENERATE_BOX("box without area"),
    /** A coordinate is missing or no finite number. */
    NO_NUMBER("box that is no numbers"),
    /** No part of the box with an area is on the picture. */
    OUTSIDE("box outside the picture"),
    /** The box reaches over an edge of the picture. */
    PARTLY_OUTSIDE("box partly outside"),
    /** The class is not among the given ones, or not among the file's. */
    UNKNOWN_CLASS("unknown class"),
    /** The picture's file is not there. */
    MISSING_PICTURE("missing picture"),
    /** The picture's file has no readable header. */
    BROKEN_PICTURE("broken picture"),
    /** There is no annotation file for the picture. */
    MISSING_ANNOTATION("missing annotation file"),
    /** The annotation file cannot be understood. */
    BROKEN_ANNOTATION("broken annotation file"),
    /** The annotation file tells another size than the picture has; the picture's counts. */
    OTHER_SIZE("size that is not the picture's"),
    /** An object lies on a picture that the file does not list. */
    UNKNOWN_PICTURE("object on an unlisted picture");

    private final String words;

    Problem(String words) {
      this.words = words;
    }

    /** {@return the problem in words, in the singular} */
    public String words() {
      return words;
    }
  }

  /** What was done about a problem. */
  public enum Action {
    /** The object was left out. */
    OBJECT_DROPPED,
    /** The picture was left out. */
    PICTURE_DROPPED,
    /** The box was cut at the picture's edges. */
    CLIPPED,
    /** Nothing: it can be trained on as it is. */
    KEPT
  }

  /**
   * One problem.
   *
   * @param problem its kind
   * @param action what was done
   * @param file the file it is in
   * @param message file, object and what is wrong, in one line
   */
  public record Finding(Problem problem, Action action, String file, String message) {}

  /**
   * {@return how often a problem was found}
   *
   * @param problem its kind
   */
  public int count(Problem problem) {
    return counts.getOrDefault(problem, 0);
  }

  /** {@return one line: pictures, objects, and how many were dropped or clipped and why} */
  public String summary() {
    StringBuilder line = new StringBuilder();
    line.append(count(pictures, "picture"));
    if (picturesWithoutObjects > 0) {
      line.append(String.format(Locale.ROOT, " (%,d without objects)", picturesWithoutObjects));
    }
    line.append(", ").append(count(objects, "object"));
    if (picturesDropped > 0) {
      line.append("; dropped ").append(count(picturesDropped, "picture"));
    }
    if (objectsDropped > 0) {
      line.append("; dropped ").append(count(objectsDropped, "object"));
    }
    if (objectsClipped > 0) {
      line.append("; clipped ").append(count(objectsClipped, "object"));
    }
    List<String> problems = new ArrayList<>();
    for (Map.Entry<Problem, Integer> entry : ordered().entrySet()) {
      problems.add(String.format(Locale.ROOT, "%,d x %s", entry.getValue(), entry.getKey().words));
    }
    return problems.isEmpty() ? line.toString() : line + " (" + String.join(", ", problems) + ")";
  }

  private Map<Problem, Integer> ordered() {
    Map<Problem, Integer> ordered = new EnumMap<>(Problem.class);
    ordered.putAll(counts);
    return ordered;
  }

  private static String count(int number, String noun) {
    return String.format(Locale.ROOT, "%,d %s%s", number, noun, number == 1 ? "" : "s");
  }
}
