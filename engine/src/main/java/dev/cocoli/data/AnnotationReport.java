package dev.cocoli.data;

import dev.cocoli.structures.Count;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The result of checking the annotations of a data set. Counts are complete; of the findings only
 * the first {@link #MOST_FINDINGS} are kept, and of these those of what was left out before others.
 *
 * @param images images that can be used
 * @param imagesWithoutObjects those among them without annotated objects
 * @param imagesDropped images that were left out
 * @param objects objects that can be used, crowds included
 * @param crowds those among them that are crowds
 * @param objectsDropped objects that were left out, without those of dropped images
 * @param objectsClipped objects clipped at the edge of their image
 * @param counts the number of findings of each problem
 * @param findings the problems, in the order of the files
 */
public record AnnotationReport(
    int images,
    int imagesWithoutObjects,
    int imagesDropped,
    int objects,
    int crowds,
    int objectsDropped,
    int objectsClipped,
    Map<Problem, Integer> counts,
    List<Finding> findings) {

  /** The largest number of findings that are kept. */
  public static final int MOST_FINDINGS = 1000;

  /** Copies the collections. */
  public AnnotationReport {
    counts = Map.copyOf(counts);
    findings = List.copyOf(findings);
  }

  /** The kinds of problems of annotations. */
  public enum Problem {
    /** {@code x2 <= x1} or {@code y2 <= y1}. */
    DEGENERATE_BOX("box without area"),
    /** A coordinate is missing or not a finite number. */
    NO_NUMBER("box that is no numbers"),
    /** No part of the box with an area is on the image. */
    OUTSIDE("box outside the image"),
    /** The box reaches over an edge of the image. */
    PARTLY_OUTSIDE("box partly outside"),
    /** The class is not among the given ones, or not among the file's. */
    UNKNOWN_CLASS("unknown class"),
    /** The image's file is not there. */
    MISSING_IMAGE("missing image"),
    /** The image's file has no readable header. */
    BROKEN_IMAGE("broken image"),
    /** There is no annotation file for the image. */
    MISSING_ANNOTATION("missing annotation file"),
    /** The annotation file cannot be understood. */
    BROKEN_ANNOTATION("broken annotation file"),
    /** The annotation file gives a size other than the image's; the image's counts. */
    OTHER_SIZE("size that is not the image's"),
    /** An object lies on an image that the file does not list. */
    UNKNOWN_IMAGE("object on an unlisted image");

    private final String words;

    Problem(String words) {
      this.words = words;
    }
  }

  /** The action taken about a problem. */
  public enum Action {
    /** The object was left out. */
    OBJECT_DROPPED,
    /** The image was left out. */
    IMAGE_DROPPED,
    /** The box was clipped at the image's edges. */
    CLIPPED,
    /** None: it can be trained on as it is. */
    KEPT
  }

  /**
   * One problem.
   *
   * @param problem its kind
   * @param action the action taken
   * @param file the file it is in
   * @param message file, object and what is wrong, in one line
   */
  public record Finding(Problem problem, Action action, String file, String message) {}

  /** {@return one line: images, objects, and how many were dropped or clipped and why} */
  public String summary() {
    StringBuilder line = new StringBuilder();
    line.append(new Count(images, "image"));
    if (imagesWithoutObjects > 0) {
      line.append(String.format(Locale.ROOT, " (%,d without objects)", imagesWithoutObjects));
    }
    line.append(", ").append(new Count(objects, "object"));
    if (imagesDropped > 0) {
      line.append("; dropped ").append(new Count(imagesDropped, "image"));
    }
    if (objectsDropped > 0) {
      line.append("; dropped ").append(new Count(objectsDropped, "object"));
    }
    if (objectsClipped > 0) {
      line.append("; clipped ").append(new Count(objectsClipped, "object"));
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
}
