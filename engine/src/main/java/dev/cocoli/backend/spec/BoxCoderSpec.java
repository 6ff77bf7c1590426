package dev.cocoli.backend.spec;

/**
 * How boxes are written relative to others: centre offsets in units of the reference's size and
 * logarithms of the ratio of sizes, each times a weight (Ren et al. 2015, section 3.1.2;
 * torchvision's {@code BoxCoder}).
 *
 * @param weightX weight of the centre's offset along x
 * @param weightY weight of the centre's offset along y
 * @param weightWidth weight of the width's logarithm
 * @param weightHeight weight of the height's logarithm
 */
public record BoxCoderSpec(float weightX, float weightY, float weightWidth, float weightHeight) {
  /**
   * Upper bound of a size's logarithm when decoding: {@code log(1000 / 16)}, torchvision's {@code
   * bbox_xform_clip}.
   */
  public static final float MAX_LOG_RATIO = (float) Math.log(1000.0 / 16);

  /** Weights of 1, the region proposal network's. */
  public static final BoxCoderSpec UNIT = new BoxCoderSpec(1, 1, 1, 1);

  /** Weights (10, 10, 5, 5), the box head's. */
  public static final BoxCoderSpec BOX_HEAD = new BoxCoderSpec(10, 10, 5, 5);
}
