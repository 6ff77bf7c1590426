package dev.cocoli.bundle.selftest;

import java.util.Map;

/**
 * The result of one check.
 *
 * @param check the name of the check
 * @param verdict the verdict
 * @param detail figures, or the error
 * @param seconds the duration of the check
 * @param figures numbers by name, for programs that read the result
 */
public record Finding(
    String check, Verdict verdict, String detail, double seconds, Map<String, Double> figures) {
  /** The verdict of a check. */
  public enum Verdict {
    /** The check passed. */
    OK,
    /** The check failed. */
    FAILED,
    /** The check has no pass or fail: it gives a figure, or cannot run here. */
    NOTED
  }

  /**
   * A result without figures.
   *
   * @param check the name of the check
   * @param verdict the verdict
   * @param detail the figures as text, or the error
   * @param seconds the duration of the check
   */
  public Finding(String check, Verdict verdict, String detail, double seconds) {
    this(check, verdict, detail, seconds, Map.of());
  }
}
