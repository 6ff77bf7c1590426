package dev.cocoli.onnx;

/**
 * What an exported model looks like.
 *
 * @param opset the version of ONNX's operators, {@value #MIN_OPSET} to {@value #MAX_OPSET}; older
 *     runtimes read older ones
 * @param parts how much of the detector is in the model
 * @param input what the model takes
 */
public record OnnxOptions(int opset, Parts parts, Input input) {
  /** The oldest version that ONNX Runtime runs with all its optimizations; of 2021. */
  public static final int MIN_OPSET = 14;

  /** The last version before a new {@code RoiAlign}, which ONNX Runtime 1.30 does not have. */
  public static final int MAX_OPSET = 21;

  /** The whole detector for one image, in operators that runtimes have had since 2022. */
  public static final OnnxOptions DEFAULT = new OnnxOptions(17, Parts.ALL, Input.IMAGE);

  /** How much of the detector a model has. */
  public enum Parts {
    /** All: out come the detections, as {@code Detector.detect} finds them. */
    ALL,
    /**
     * All but the last suppression: out come the boxes and the score of every class for each
     * proposal. The model has no {@code NonMaxSuppression}.
     */
    HEADS
  }

  /** What a model takes. */
  public enum Input {
    /** One image, {@code [3,H,W]}, as torchvision's export. */
    IMAGE,
    /** Images of one size, {@code [N,3,H,W]}. */
    BATCH
  }

  /** Checks the version. */
  public OnnxOptions {
    if (opset < MIN_OPSET || opset > MAX_OPSET) {
      throw new IllegalArgumentException(
          "opset " + opset + " is not supported: " + MIN_OPSET + " to " + MAX_OPSET + " are");
    }
  }

  /**
   * {@return the same with another version of the operators}
   *
   * @param value the version
   */
  public OnnxOptions withOpset(int value) {
    return new OnnxOptions(value, parts, input);
  }

  /**
   * {@return the same with other parts}
   *
   * @param value the parts
   */
  public OnnxOptions withParts(Parts value) {
    return new OnnxOptions(opset, value, input);
  }

  /**
   * {@return the same for another input}
   *
   * @param value the input
   */
  public OnnxOptions withInput(Input value) {
    return new OnnxOptions(opset, parts, value);
  }
}
