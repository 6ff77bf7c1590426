package dev.cocoli.backend.spec;

import dev.cocoli.backend.primitives.Matching;

/**
 * When a box is matched with an object (torchvision's {@code Matcher}).
 *
 * @param highThreshold from this IoU on a box is a match
 * @param lowThreshold below this IoU it is background; between the two it is ignored
 * @param lowQuality whether each object also keeps the boxes that overlap it most, however little
 * @param ignoreThreshold below this IoU a box that would be background is ignored (Girshick 2015,
 *     section 2.3: background that overlaps an object is the harder one); 0 ignores none
 */
public record MatchSpec(
    float highThreshold, float lowThreshold, LowQuality lowQuality, float ignoreThreshold) {
  /** What {@link Matching#matchBoxes} writes for a box that is background. */
  public static final int BELOW_LOW_THRESHOLD = -1;

  /**
   * What {@link Matching#matchBoxes} writes for a box that is neither, or that is no box at all.
   */
  public static final int BETWEEN_THRESHOLDS = -2;

  /** What becomes of matches below the high threshold. */
  public enum LowQuality {
    /** An object's best boxes match it whatever their IoU. */
    ALLOW,
    /** Only the thresholds count. */
    REFUSE
  }

  /**
   * Thresholds as torchvision has them: no background is ignored.
   *
   * @param highThreshold from this IoU on a box is a match
   * @param lowThreshold below this IoU it is background; between the two it is ignored
   * @param lowQuality whether each object also keeps the boxes that overlap it most
   */
  public MatchSpec(float highThreshold, float lowThreshold, LowQuality lowQuality) {
    this(highThreshold, lowThreshold, lowQuality, 0);
  }

  /**
   * {@return these thresholds, with easy background ignored}
   *
   * @param threshold the IoU below which it is
   */
  public MatchSpec ignoringBelow(float threshold) {
    return new MatchSpec(highThreshold, lowThreshold, lowQuality, threshold);
  }

  /** Checks the order of the thresholds. */
  public MatchSpec {
    if (!(lowThreshold <= highThreshold)) {
      throw new IllegalArgumentException(
          "low IoU threshold " + lowThreshold + " above the high one " + highThreshold);
    }
  }
}
