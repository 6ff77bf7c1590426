package dev.cocoli.eval;

/** The thresholds of COCO's metrics (pycocotools, {@code Params.setDetParams}). */
final class CocoThresholds {

  /** IoU from 0.50 to 0.95 in steps of 0.05; index 0 is AP50's and 5 AP75's. */
  static final double[] IOU = linspace(0.5, 0.95, 10);

  static final int IOU_50 = 0;
  static final int IOU_75 = 5;

  /** Recall from 0 to 1 in steps of 0.01. */
  static final double[] RECALL = linspace(0, 1, 101);

  /** The numbers of detections per class and image that AR1, AR10 and AR100 count. */
  static final int[] MAX_DETECTIONS = {1, 10, 100};

  private CocoThresholds() {}

  /**
   * Computes the same doubles as numpy.linspace: 0.9 comes out as 0.8999999999999999, and matches
   * depend on it.
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
