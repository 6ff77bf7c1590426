package dev.cocoli.bundle;

/**
 * What one check of the self-test found.
 *
 * @param check what was looked at
 * @param verdict how it went
 * @param detail figures, or what is wrong
 * @param seconds how long it took
 */
record Finding(String check, Verdict verdict, String detail, double seconds) {
  /** How a check went. */
  enum Verdict {
    /** As it should. */
    OK,
    /** It did not. */
    FAILED,
    /** Nothing was to be proved: a figure, or a check that cannot be made here. */
    NOTED
  }
}
