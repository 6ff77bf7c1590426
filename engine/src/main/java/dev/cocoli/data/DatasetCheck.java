package dev.cocoli.data;

import dev.cocoli.data.AnnotationCheck.Place;
import dev.cocoli.data.AnnotationReport.Action;
import dev.cocoli.data.AnnotationReport.Finding;
import dev.cocoli.data.AnnotationReport.Problem;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Count;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Checks what a data set of any origin hands out by the rules for files: labels among the classes,
 * boxes of finite numbers with an area on the image, images of a size and a number of their own.
 */
public final class DatasetCheck {
  /** The number of findings that an exception quotes. */
  private static final int QUOTED = 5;

  private DatasetCheck() {}

  /**
   * {@return the counts of images and objects, and what cannot be trained on; the messages name the
   * image by its index and name, and the object by its row, from 1}
   *
   * @param data the data set
   * @throws DataException if no image can be used
   */
  public static AnnotationReport report(Dataset data) {
    AnnotationCheck check = new AnnotationCheck(AnnotationPolicy.DROP);
    Map<Long, Integer> indices = new HashMap<>();
    for (int index = 0; index < data.size(); index++) {
      AnnotatedImage image = data.get(index);
      String place = place(index, image);
      Integer other = indices.putIfAbsent(image.imageId(), index);
      if (other != null) {
        check.dropImage(
            Problem.BROKEN_ANNOTATION,
            place,
            place + ": its id " + image.imageId() + " is that of image " + other);
      } else if (image.width() < 1 || image.height() < 1) {
        check.dropImage(
            Problem.BROKEN_IMAGE,
            place,
            "%s: its size is %d x %d".formatted(place, image.width(), image.height()));
      } else {
        check.keepImage(usable(data.classNames(), place, image, check));
      }
    }
    return check.report("the data set");
  }

  private static List<Annotation> usable(
      List<String> classNames, String place, AnnotatedImage image, AnnotationCheck check) {
    List<Annotation> kept = new ArrayList<>();
    for (int i = 0; i < image.annotations().size(); i++) {
      Annotation object = image.annotations().get(i);
      int label = object.label();
      if (label < 1 || label > classNames.size()) {
        check.dropObject(
            Problem.UNKNOWN_CLASS,
            new Place(place, i + 1, "label " + label),
            "its label is none of 1 to " + classNames.size());
        continue;
      }
      Place row = new Place(place, i + 1, classNames.get(label - 1));
      if (check.box(row, object.box(), image.width(), image.height()).isPresent()) {
        kept.add(object);
      }
    }
    return kept;
  }

  static String place(int index, AnnotatedImage image) {
    return "image " + index + " (" + image.fileName() + ")";
  }

  /**
   * Does nothing if all of a data set can be trained on.
   *
   * @param role what the data set is, for the message
   * @param data the data set
   * @throws DataException if an image or an object cannot be used; the message names the first ones
   */
  public static void require(String role, Dataset data) {
    if (data.size() == 0) {
      return; // whoever needs a number of images says so
    }
    AnnotationReport report;
    try {
      report = report(data);
    } catch (DataException e) {
      throw new DataException(role + ": " + e.getMessage(), e);
    }
    int unusable = report.objectsDropped() + report.imagesDropped();
    if (unusable > 0) {
      List<String> first =
          report.findings().stream()
              .filter(finding -> finding.action() != Action.KEPT)
              .limit(QUOTED)
              .map(Finding::message)
              .toList();
      throw new DataException(
          "%s: %s cannot be trained on: %s%s"
              .formatted(
                  role,
                  new Count(unusable, "annotation"),
                  String.join("; ", first),
                  unusable > first.size() ? "; and more" : ""));
    }
  }
}
