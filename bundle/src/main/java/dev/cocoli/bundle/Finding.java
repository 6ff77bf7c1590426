package dev.cocoli.bundle;

/**
 * The result of one check of the self-test.
 *
 * @param check the name of the check
 * @param verdict the verdict
 * @param detail figures, or the error
 * @param seconds the duration of the check
 */
record Finding(String check, Verdict verdict, String detail, double seconds) {
  /** The verdict of a check. */
  enum Verdict {
    /** The check passed. */
    OK,
    /** The check failed. */
    FAILED,
    /** The check has no pass or fail: it gives a figure, or cannot run here. */
    NOTED
  }
}
