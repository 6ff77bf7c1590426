package dev.cocoli.eval;

/**
 * One detection in COCO's results format.
 *
 * @param imageId the image
 * @param categoryId the class
 * @param box the box of the object
 * @param score the confidence, any finite number
 */
public record CocoResult(long imageId, long categoryId, CocoBox box, double score) {

  /** Checks that the score is a finite number. */
  public CocoResult {
    if (!Double.isFinite(score)) {
      throw new IllegalArgumentException(
          "the score of a detection in image " + imageId + " is " + score);
    }
    score += 0.0; // turns -0.0 into 0.0, so that the two rank alike
  }
}
