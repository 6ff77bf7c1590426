package dev.cocoli.data;

import dev.cocoli.data.AnnotationReport.Action;
import dev.cocoli.data.AnnotationReport.Finding;
import dev.cocoli.data.AnnotationReport.Problem;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Count;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Checks the annotations of a data set under a policy, and collects the problems for a report. */
public final class AnnotationCheck {

  /**
   * The distance in pixels by which a box may cross an edge without being reported. COCO files
   * round x and width to two decimals each, and their sum may then exceed the image's width.
   */
  private static final float ROUNDING = 0.02f;

  /** The number of findings that are quoted when the policy is to stop. */
  private static final int QUOTED = 5;

  private final AnnotationPolicy policy;
  private final Map<Problem, Integer> counts = new EnumMap<>(Problem.class);
  private final List<Finding> findings = new ArrayList<>();

  /** How many of the findings are of nothing that was left out. */
  private int harmless;

  private int images;
  private int imagesWithoutObjects;
  private int imagesDropped;
  private int objects;
  private int crowds;
  private int objectsDropped;
  private int objectsClipped;

  /**
   * Starts a check under a policy.
   *
   * @param policy what to do with a problem
   */
  public AnnotationCheck(AnnotationPolicy policy) {
    this.policy = policy;
  }

  /**
   * The place of an object in a file, for messages: file, number from 1, class.
   *
   * @param file the file
   * @param number the number of the object, from 1
   * @param className the name of its class
   */
  public record Place(String file, long number, String className) {
    @Override
    public String toString() {
      return file + ": object " + number + " (" + className + ")";
    }
  }

  /**
   * Records a problem and the action taken.
   *
   * @param problem the kind of problem
   * @param action the action taken
   * @param file the file with the problem
   * @param message the text to show
   */
  public void note(Problem problem, Action action, String file, String message) {
    counts.merge(problem, 1, Integer::sum);
    boolean isDrop = isDrop(action);
    if (findings.size() == AnnotationReport.MOST_FINDINGS && isDrop && harmless > 0) {
      removeLastHarmless();
    }
    if (findings.size() < AnnotationReport.MOST_FINDINGS) {
      findings.add(new Finding(problem, action, file, message));
      harmless += isDrop ? 0 : 1;
    }
  }

  private static boolean isDrop(Action action) {
    return action == Action.OBJECT_DROPPED || action == Action.IMAGE_DROPPED;
  }

  private void removeLastHarmless() {
    int last = findings.size() - 1;
    while (isDrop(findings.get(last).action())) {
      last--;
    }
    findings.remove(last);
    harmless--;
  }

  /**
   * Records an image that cannot be used.
   *
   * @param problem the kind of problem
   * @param file the file with the problem
   * @param message the text to show
   */
  public void dropImage(Problem problem, String file, String message) {
    imagesDropped++;
    note(problem, Action.IMAGE_DROPPED, file, message);
  }

  /**
   * Records an object that cannot be used for a reason other than its box.
   *
   * @param problem the kind of problem
   * @param place where the object is written
   * @param reason why it cannot be used
   */
  public void dropObject(Problem problem, Place place, String reason) {
    objectsDropped++;
    note(problem, Action.OBJECT_DROPPED, place.file(), place + ": " + reason);
  }

  /**
   * Records an image that can be used, with the annotations that passed the check.
   *
   * @param annotations the annotations that passed
   */
  public void keepImage(List<Annotation> annotations) {
    images++;
    objects += annotations.size();
    imagesWithoutObjects += annotations.isEmpty() ? 1 : 0;
    crowds += (int) annotations.stream().filter(Annotation::crowd).count();
  }

  /**
   * Returns the box to use, or nothing if it cannot be used on an image of width x height.
   *
   * @param place where the box is written
   * @param box the box
   * @param width the width of the image
   * @param height the height of the image
   * @return the box, clipped to the image
   */
  public Optional<Box> box(Place place, Box box, int width, int height) {
    boolean finite =
        Float.isFinite(box.x1())
            && Float.isFinite(box.y1())
            && Float.isFinite(box.x2())
            && Float.isFinite(box.y2());
    if (!finite) {
      dropObject(Problem.NO_NUMBER, place, "the box " + words(box) + " is not four numbers");
      return Optional.empty();
    }
    if (!box.hasArea()) {
      dropObject(Problem.DEGENERATE_BOX, place, "the box " + words(box) + " has no area");
      return Optional.empty();
    }
    Box clipped = box.clipped(width, height);
    String image = " the image of " + width + " x " + height;
    if (!clipped.hasArea()) {
      dropObject(Problem.OUTSIDE, place, "the box " + words(box) + " is outside" + image);
      return Optional.empty();
    }
    if (clipped.equals(box)) {
      return Optional.of(box);
    }
    boolean clip = policy == AnnotationPolicy.CLIP;
    boolean more =
        Math.max(Math.max(-box.x1(), -box.y1()), Math.max(box.x2() - width, box.y2() - height))
            > ROUNDING;
    if (more) {
      String message = place + ": the box " + words(box) + " reaches out of" + image;
      note(Problem.PARTLY_OUTSIDE, clip ? Action.CLIPPED : Action.KEPT, place.file(), message);
    }
    objectsClipped += clip ? 1 : 0;
    return Optional.of(clip ? clipped : box);
  }

  private static String words(Box box) {
    return "[%s, %s, %s, %s]"
        .formatted(word(box.x1()), word(box.y1()), word(box.x2()), word(box.y2()));
  }

  private static String word(float value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9f
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.valueOf(value);
  }

  /**
   * Ends the check. Under the policy to stop, any problem is an error that quotes the first ones.
   *
   * @param dataset the name of the dataset
   * @return what was found
   */
  public AnnotationReport report(String dataset) {
    AnnotationReport report =
        new AnnotationReport(
            images,
            imagesWithoutObjects,
            imagesDropped,
            objects,
            crowds,
            objectsDropped,
            objectsClipped,
            counts,
            findings);
    int found = counts.values().stream().mapToInt(Integer::intValue).sum();
    if (policy == AnnotationPolicy.ERROR && found > 0) {
      List<String> quoted = findings.stream().limit(QUOTED).map(Finding::message).toList();
      throw new DataException(
          "%s: %s in the annotations: %s%s. Mend the files, or choose the policy drop or clip"
              .formatted(
                  dataset,
                  new Count(found, "problem"),
                  String.join("; ", quoted),
                  found > quoted.size() ? "; and more" : ""));
    }
    if (images == 0) {
      String why = findings.isEmpty() ? "" : " (" + findings.getFirst().message() + ")";
      throw new DataException(dataset + ": no image can be used" + why);
    }
    if (objects == 0 && objectsDropped > 0) { // of other classes, or with masks only
      String first =
          findings.stream()
              .filter(finding -> finding.action() == Action.OBJECT_DROPPED)
              .findFirst()
              .map(finding -> " (" + finding.message() + ")")
              .orElse("");
      throw new DataException(
          "%s: none of its %s can be used%s"
              .formatted(dataset, new Count(objectsDropped, "object"), first));
    }
    return report;
  }
}
