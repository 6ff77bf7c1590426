package dev.cocoli.eval;

/** The fixed grid of COCO's metric (pycocotools, {@code Params.setDetParams}). */
final class CocoThresholds {

  /** IoU from 0.50 to 0.95 in steps of 0.05; index 0 is AP50's and 5 AP75's. */
  static final double[] IOU = linspace(0.5, 0.95, 10);

  static final int IOU_50 = 0;
  static final int IOU_75 = 5;

  /** Recall from 0 to 1 in steps of 0.01. */
  static final double[] RECALL = linspace(0, 1, 101);

  /** How many detections of a class count in an image: those of AR1, AR10, AR100. */
  static final int[] MAX_DETECTIONS = {1, 10, 100};

  private CocoThresholds() {}

  /**
   * The doubles of numpy.linspace: 0.9 comes out as 0.8999999999999999, and matches depend on it.
   */
  private static double[] linspace(double start, double stop, int count) {
    double step = (stop - start) / (count - 1);
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = i * step + start;
    }
    values[count - 1] = stop;
    return values;
  }
}
