package dev.cocoli.detection;

import dev.cocoli.ops.Ops;
import java.util.EnumMap;
import java.util.Map;

/**
 * Takes the time of each part of detections, one after the other. Waits for the device at the end
 * of each part, so that the part has run and not only been asked for.
 */
public final class PartTimes implements PartListener {
  private final Map<DetectionPart, Long> nanos = new EnumMap<>(DetectionPart.class);
  private long last = System.nanoTime();
  private int images;

  /** Begins with nothing timed. */
  public PartTimes() {}

  /** A detection on another image begins now. */
  public void begin() {
    images++;
    last = System.nanoTime();
  }

  @Override
  public void enqueued(Ops ops, DetectionPart part) {
    ops.backend().transfers().synchronize();
    long now = System.nanoTime();
    nanos.merge(part, now - last, Long::sum);
    last = now;
  }

  /**
   * {@return the seconds of a part, in the mean over images}
   *
   * @param part the part
   */
  public double seconds(DetectionPart part) {
    return nanos.getOrDefault(part, 0L) / 1e9 / Math.max(1, images);
  }

  /** {@return the seconds of an image, in the mean} */
  public double seconds() {
    double sum = 0;
    for (DetectionPart part : DetectionPart.values()) {
      sum += seconds(part);
    }
    return sum;
  }
}
