package dev.cocoli.data;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The classes of a data set and the label of each: the first is 1, because 0 is the background. */
final class ClassNames {

  static final int UNKNOWN = -1;

  private final List<String> names;
  private final Map<String, Integer> labels = new HashMap<>();

  ClassNames(List<String> names) {
    this.names = List.copyOf(names);
    for (int i = 0; i < names.size(); i++) {
      labels.putIfAbsent(names.get(i), i + 1);
    }
  }

  List<String> names() {
    return names;
  }

  int label(String name) {
    return labels.getOrDefault(name, UNKNOWN);
  }

  String unknown(String name) {
    return "the class '" + name + "' is not among " + names;
  }
}
