package dev.cocoli.nn;

/**
 * The rows of a parameter that belong to each class, one class after the other.
 *
 * @param perClass rows of each class
 * @param firstLabel the label of the first: 0 for the background, else 1
 */
public record ClassRows(int perClass, int firstLabel) {

  /**
   * {@return rows of the background and of every class}
   *
   * @param perClass rows of each
   */
  public static ClassRows withBackground(int perClass) {
    return new ClassRows(perClass, 0);
  }

  /**
   * {@return rows of every class but the background}
   *
   * @param perClass rows of each
   */
  public static ClassRows withoutBackground(int perClass) {
    return new ClassRows(perClass, 1);
  }

  /**
   * {@return the number of classes, the background included; -1 if there is no such number}
   *
   * @param rows the number of all rows
   */
  long classes(long rows) {
    return rows % perClass == 0 ? rows / perClass + firstLabel : -1;
  }

  /** The first row of a class; negative for the background where it has none. */
  long row(int label) {
    return (long) (label - firstLabel) * perClass;
  }
}
