package dev.cocoli.benchmarks.compare;

import java.util.Locale;

/** The tasks that are compared. */
enum Task {
  /** From pixels in memory to boxes on the host. */
  DETECT("detection"),
  /** From pixels in memory to updated parameters and losses on the host. */
  TRAIN("training step");

  private final String title;

  Task(String title) {
    this.title = title;
  }

  String title() {
    return title;
  }

  /** Its name in requests to workers. */
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
