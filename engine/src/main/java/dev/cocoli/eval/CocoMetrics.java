package dev.cocoli.eval;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * COCO's twelve box metrics, each from 0 to 1, or -1 where the ground truth has no object that
 * could count. Names and order are those of pycocotools.
 *
 * @param ap AP averaged over IoU 0.50 to 0.95
 * @param ap50 AP at IoU 0.50
 * @param ap75 AP at IoU 0.75
 * @param aps AP of objects of at most 32 x 32 pixels
 * @param apm AP of objects between 32 x 32 and 96 x 96 pixels
 * @param apl AP of objects of at least 96 x 96 pixels
 * @param ar1 recall with one detection per image and class
 * @param ar10 recall with ten per image and class
 * @param ar100 recall with a hundred per image and class
 * @param ars recall of small objects with a hundred per image and class
 * @param arm recall of medium objects, likewise
 * @param arl recall of large objects, likewise
 * @param perClass AP per class, in the order of the evaluator's classes
 */
public record CocoMetrics(
    double ap,
    double ap50,
    double ap75,
    double aps,
    double apm,
    double apl,
    double ar1,
    double ar10,
    double ar100,
    double ars,
    double arm,
    double arl,
    List<ClassAp> perClass) {

  /** Copies the list. */
  public CocoMetrics {
    perClass = List.copyOf(perClass);
  }

  /**
   * The average precision of one class.
   *
   * @param category the class
   * @param ap AP averaged over IoU 0.50 to 0.95; -1 without an object of the class
   * @param ap50 AP at IoU 0.50; -1 without an object of the class
   */
  public record ClassAp(CocoCategory category, double ap, double ap50) {}

  /** {@return the twelve metrics by pycocotools' names, in its order} */
  public Map<String, Double> byName() {
    Map<String, Double> numbers = new LinkedHashMap<>();
    numbers.put("AP", ap);
    numbers.put("AP50", ap50);
    numbers.put("AP75", ap75);
    numbers.put("APs", aps);
    numbers.put("APm", apm);
    numbers.put("APl", apl);
    numbers.put("AR1", ar1);
    numbers.put("AR10", ar10);
    numbers.put("AR100", ar100);
    numbers.put("ARs", ars);
    numbers.put("ARm", arm);
    numbers.put("ARl", arl);
    return numbers;
  }

  /**
   * {@return the twelve lines that pycocotools prints, followed by an explanation of -1 if it
   * occurs}
   */
  public String summary() {
    StringBuilder text = new StringBuilder();
    line(text, "Precision", "AP", "0.50:0.95", "all", 100, ap);
    line(text, "Precision", "AP", "0.50", "all", 100, ap50);
    line(text, "Precision", "AP", "0.75", "all", 100, ap75);
    line(text, "Precision", "AP", "0.50:0.95", "small", 100, aps);
    line(text, "Precision", "AP", "0.50:0.95", "medium", 100, apm);
    line(text, "Precision", "AP", "0.50:0.95", "large", 100, apl);
    line(text, "Recall", "AR", "0.50:0.95", "all", 1, ar1);
    line(text, "Recall", "AR", "0.50:0.95", "all", 10, ar10);
    line(text, "Recall", "AR", "0.50:0.95", "all", 100, ar100);
    line(text, "Recall", "AR", "0.50:0.95", "small", 100, ars);
    line(text, "Recall", "AR", "0.50:0.95", "medium", 100, arm);
    line(text, "Recall", "AR", "0.50:0.95", "large", 100, arl);
    if (byName().containsValue(-1.0)) {
      text.append(" -1: the ground truth has no object of that size\n");
    }
    return text.toString();
  }

  private static void line(
      StringBuilder text,
      String what,
      String sign,
      String iou,
      String area,
      int maxDetections,
      double value) {
    text.append(
        String.format(
            Locale.ROOT,
            " %-18s (%s) @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %.3f%n",
            "Average " + what,
            sign,
            iou,
            area,
            maxDetections,
            value));
  }
}
