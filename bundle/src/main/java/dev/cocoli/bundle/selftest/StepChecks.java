package dev.cocoli.bundle.selftest;

import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.benchmarks.SyntheticModel;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Checks whole training steps and detections on a device: downloads, memory, precision, time. */
public final class StepChecks {
  /** The learning rate, so low that random weights stay finite. */
  private static final float LEARNING_RATE = 1e-4f;

  /** The number of steps after which pool and caches have reached their size. */
  private static final int SETTLED_STEPS = 20;

  private static final int COMPARED_STEPS = 20;
  private static final double BF16_TOLERANCE = 0.02;

  private static final String SMALL_MODEL = "fasterrcnn_tiny_fpn";
  private static final ImageSize SMALL = new ImageSize(128, 160);

  private final Device device;

  /**
   * Chooses the device.
   *
   * @param device opened by each check
   */
  public StepChecks(Device device) {
    this.device = device;
  }

  private static ModelSpec small() {
    return SyntheticModel.spec(SMALL_MODEL, SMALL)
        .withConfig(
            c ->
                c.withRpn(r -> r.withPostNmsTopNTrain(200).withPostNmsTopNTest(100))
                    .withSampling(s -> s.withBatchSizePerImage(64)));
  }

  /**
   * Checks that there is one download per step and per detection, and that the pool has not grown
   * since it settled.
   *
   * @param steps training steps of a small model
   * @return one finding each
   */
  public List<Finding> downloadsAndMemory(int steps) {
    long began = System.nanoTime();
    try (Bench bench = new Bench(device, small(), SMALL, 2, Precision.FP32)) {
      long settled = 0;
      for (int i = 0; i < steps; i++) {
        bench.step(i, LEARNING_RATE);
        if (i == Math.min(SETTLED_STEPS, steps / 2)) {
          settled = bench.backend().pool().reservedBytes();
        }
      }
      long downloads = bench.backend().transfers().downloadCount();
      bench.detect();
      long ofDetection = bench.backend().transfers().downloadCount() - downloads;
      double seconds = (System.nanoTime() - began) / 1e9;
      long reserved = bench.backend().pool().reservedBytes();
      boolean flat = reserved == settled && bench.backend().pool().usedBytes() == 0;
      boolean budget = downloads <= steps && ofDetection <= 1;
      return List.of(
          new Finding(
              "memory over %,d steps".formatted(steps),
              flat ? Finding.Verdict.OK : Finding.Verdict.FAILED,
              "pool %,d bytes after %d steps, %,d at the end, %,d in use"
                  .formatted(settled, SETTLED_STEPS, reserved, bench.backend().pool().usedBytes()),
              seconds),
          new Finding(
              "downloads",
              budget ? Finding.Verdict.OK : Finding.Verdict.FAILED,
              "%,d in %,d steps, %d in a detection of a batch"
                  .formatted(downloads, steps, ofDetection),
              0));
    }
  }

  /** {@return how far the losses of the first steps in bf16 are from those in fp32} */
  public Finding bf16() {
    long began = System.nanoTime();
    double[] exact = losses(Precision.FP32);
    double[] rounded;
    try {
      rounded = losses(Precision.BF16);
    } catch (IllegalArgumentException e) {
      return new Finding("losses in bf16", Finding.Verdict.NOTED, e.getMessage(), 0);
    }
    double worst = 0;
    for (int i = 0; i < COMPARED_STEPS; i++) {
      worst = Math.max(worst, Math.abs(rounded[i] - exact[i]) / Math.abs(exact[i]));
    }
    return new Finding(
        "losses in bf16",
        worst <= BF16_TOLERANCE ? Finding.Verdict.OK : Finding.Verdict.FAILED,
        "within %.2f %% of fp32 over %d steps".formatted(100 * worst, COMPARED_STEPS),
        (System.nanoTime() - began) / 1e9);
  }

  private double[] losses(Precision precision) {
    try (Bench bench = new Bench(device, small(), SMALL, 2, precision)) {
      double[] losses = new double[COMPARED_STEPS];
      for (int i = 0; i < COMPARED_STEPS; i++) {
        losses[i] = bench.step(i, LEARNING_RATE).total();
      }
      return losses;
    }
  }

  /**
   * Measures the median seconds of a training step and a detection of ResNet-50-FPN with random
   * weights.
   *
   * @param size the size of the images, which the model does not resize
   * @param batch the number of images per batch
   * @param precision the precision
   * @param runs the number of timed runs, after three that are not timed
   */
  List<Finding> times(ImageSize size, int batch, Precision precision, int runs) {
    ModelSpec spec = SyntheticModel.spec("fasterrcnn_resnet50_fpn", size);
    String of = "%s, %d x %d, batch %d".formatted(precision, size.height(), size.width(), batch);
    long began = System.nanoTime();
    try (Bench bench = new Bench(device, spec, size, batch, precision)) {
      double training = median(runs, i -> bench.step(i, LEARNING_RATE));
      double detection = median(runs, i -> bench.detect());
      double seconds = (System.nanoTime() - began) / 1e9;
      return List.of(
          time("training step", of, training, batch, seconds),
          time("detection", of, detection, batch, 0));
    } catch (IllegalArgumentException e) {
      return List.of(new Finding("times", Finding.Verdict.NOTED, of + ": " + e.getMessage(), 0));
    }
  }

  private static Finding time(String what, String of, double median, int batch, double seconds) {
    return new Finding(
        what,
        Finding.Verdict.NOTED,
        String.format(
            Locale.ROOT, "%s: %.4f s, %.2f images per second (median)", of, median, batch / median),
        seconds);
  }

  /** An action that is timed. */
  @FunctionalInterface
  private interface Timed {
    void run(int number);
  }

  private static double median(int runs, Timed timed) {
    for (int i = 0; i < 3; i++) {
      timed.run(i);
    }
    double[] seconds = new double[runs];
    for (int i = 0; i < runs; i++) {
      long began = System.nanoTime();
      timed.run(3 + i);
      seconds[i] = (System.nanoTime() - began) / 1e9;
    }
    Arrays.sort(seconds);
    return seconds[runs / 2];
  }
}
