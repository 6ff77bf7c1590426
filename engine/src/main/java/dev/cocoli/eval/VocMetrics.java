package dev.cocoli.eval;

import java.util.List;

/**
 * Pascal VOC's average precision. Each number is from 0 to 1, or -1 where there is no object to
 * find.
 *
 * @param ap07 the mean over the classes of VOC2007's AP, precision at eleven recall levels
 * @param ap12 the mean over the classes of VOC2012's AP, the area under the curve
 * @param perClass AP per class, in the order of the labels
 */
public record VocMetrics(double ap07, double ap12, List<ClassAp> perClass) {

  /** Copies the list. */
  public VocMetrics {
    perClass = List.copyOf(perClass);
  }

  /**
   * The average precision of one class.
   *
   * @param name the class
   * @param ap07 VOC2007's AP
   * @param ap12 VOC2012's AP
   */
  public record ClassAp(String name, double ap07, double ap12) {}
}
