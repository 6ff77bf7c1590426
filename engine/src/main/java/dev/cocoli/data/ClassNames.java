package dev.cocoli.data;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The classes of a data set and their labels. The first label is 1; 0 is the background. */
public final class ClassNames {

  /** The label of a name that is not in the list. */
  public static final int UNKNOWN = -1;

  private final List<String> names;
  private final Map<String, Integer> labels = new HashMap<>();

  /**
   * Numbers the classes from 1.
   *
   * @param names the names, without the background
   */
  public ClassNames(List<String> names) {
    this.names = List.copyOf(names);
    for (int i = 0; i < names.size(); i++) {
      labels.putIfAbsent(names.get(i), i + 1);
    }
  }

  /** {@return the names in the order of their labels} */
  public List<String> names() {
    return names;
  }

  /**
   * {@return the label of a class, or {@link #UNKNOWN}}
   *
   * @param name the name of the class
   */
  public int label(String name) {
    return labels.getOrDefault(name, UNKNOWN);
  }

  /**
   * {@return the message for a name that is not in the list}
   *
   * @param name the unknown name
   */
  public String unknown(String name) {
    return "the class '" + name + "' is not among " + names;
  }
}
