package dev.cocoli.backend;

/**
 * When a box is matched with an object (torchvision's {@code Matcher}).
 *
 * @param highThreshold from this IoU on a box is a match
 * @param lowThreshold below this IoU it is background; between the two it is ignored
 * @param lowQuality whether each object also keeps the boxes that overlap it most, however little
 */
public record MatchSpec(float highThreshold, float lowThreshold, LowQuality lowQuality) {
  /** What {@link Backend#matchBoxes} writes for a box that is background. */
  public static final int BELOW_LOW_THRESHOLD = -1;

  /** What {@link Backend#matchBoxes} writes for a box that is neither, or that is no box at all. */
  public static final int BETWEEN_THRESHOLDS = -2;

  /** What becomes of matches below the high threshold. */
  public enum LowQuality {
    /** An object's best boxes match it whatever their IoU. */
    ALLOW,
    /** Only the thresholds count. */
    REFUSE
  }

  /** Checks the order of the thresholds. */
  public MatchSpec {
    if (!(lowThreshold <= highThreshold)) {
      throw new IllegalArgumentException(
          "low IoU threshold " + lowThreshold + " above the high one " + highThreshold);
    }
  }
}
