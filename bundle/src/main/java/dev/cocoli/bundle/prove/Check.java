package dev.cocoli.bundle.prove;

import java.util.List;

/**
 * What a {@link CheckProcess} does at once: the smallest part that is reported, and that is ended
 * when it takes too long.
 *
 * @param name its name; what stands before a colon is the group that a table shows in one row
 * @param words what to do: a word of {@link CheckProcess}, then its arguments
 * @param seconds how long it may take
 */
record Check(String name, List<String> words, int seconds) {

  /** {@return the group that a finding belongs to} */
  static String group(String name) {
    int colon = name.indexOf(':');
    return colon < 0 ? name : name.substring(0, colon);
  }

  Check named(String other) {
    return new Check(other, words, seconds);
  }
}
