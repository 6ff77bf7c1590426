package dev.cocoli;

import dev.cocoli.detection.ModelBuilder;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a {@link Detector} is opened.
 *
 * @param device where it runs
 * @param precision what it computes in, whatever it was trained in
 * @param spec the model, for weights that do not say what model they are for, or whose
 *     hyper-parameters are to differ from those in the file
 * @param builder the builder of a model of a program's own, that it was trained with
 * @param scoreThreshold detections that do not score more are left out; the model itself reports
 *     none below its {@code box_score_thresh}, usually 0.05
 * @param concurrency how many calls run side by side on the processor at most; the others wait. A
 *     GPU has one, and runs those that wait together
 * @param threads how many threads of the processor each of these calls computes with; without it,
 *     its part of all: {@code cocoli.threads}, or the number of processors, divided by the
 *     concurrency
 * @param batch how many images of waiting calls go through the network together at most, if they
 *     have the same size there; without it, 8 on a GPU and 1 on the processor, which gains nothing
 */
public record DetectorOptions(
    Device device,
    Precision precision,
    Optional<ModelSpec> spec,
    Optional<ModelBuilder> builder,
    float scoreThreshold,
    int concurrency,
    OptionalInt threads,
    OptionalInt batch) {
  /** The processor, fp32, scores over 0.5, one call at a time with all threads. */
  public static final DetectorOptions DEFAULT =
      new DetectorOptions(
          Device.CPU,
          Precision.FP32,
          Optional.empty(),
          Optional.empty(),
          0.5f,
          1,
          OptionalInt.empty(),
          OptionalInt.empty());

  private static final int BATCH_ON_GPU = 8;

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if one is wrong
   */
  public DetectorOptions {
    requireFraction(scoreThreshold);
    require(concurrency >= 1, "concurrency is at least 1, not " + concurrency);
    require(
        device.kind().equals(Device.Kind.CPU) || concurrency == 1,
        device
            + " runs one call at a time, and waiting ones together: its concurrency is 1, not "
            + concurrency);
    threads.ifPresent(count -> require(count >= 1, "threads is at least 1, not " + count));
    batch.ifPresent(images -> require(images >= 1, "batch is at least 1, not " + images));
  }

  static void requireFraction(float scoreThreshold) {
    require(
        scoreThreshold >= 0 && scoreThreshold <= 1,
        "a score threshold is 0 to 1, not " + scoreThreshold);
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /** The number of images of waiting calls that go through the network together at most. */
  int mostTogether() {
    return batch.orElse(device.kind().equals(Device.Kind.CPU) ? 1 : BATCH_ON_GPU);
  }

  /**
   * {@return these options for another device}
   *
   * @param other where it runs
   */
  public DetectorOptions withDevice(Device other) {
    return new DetectorOptions(
        other, precision, spec, builder, scoreThreshold, concurrency, threads, batch);
  }

  /**
   * {@return these options with another precision}
   *
   * @param other what it computes in
   */
  public DetectorOptions withPrecision(Precision other) {
    return new DetectorOptions(
        device, other, spec, builder, scoreThreshold, concurrency, threads, batch);
  }

  /**
   * {@return these options for a given model, whatever the weights say of it}
   *
   * @param model the model
   */
  public DetectorOptions withSpec(ModelSpec model) {
    return new DetectorOptions(
        device,
        precision,
        Optional.of(model),
        builder,
        scoreThreshold,
        concurrency,
        threads,
        batch);
  }

  /**
   * {@return these options for a model of a program's own}
   *
   * @param own the builder that it was trained with
   */
  public DetectorOptions withBuilder(ModelBuilder own) {
    return new DetectorOptions(
        device, precision, spec, Optional.of(own), scoreThreshold, concurrency, threads, batch);
  }

  /**
   * {@return these options with another threshold}
   *
   * @param threshold detections that do not score more are left out
   */
  public DetectorOptions withScoreThreshold(float threshold) {
    return new DetectorOptions(
        device, precision, spec, builder, threshold, concurrency, threads, batch);
  }

  /**
   * {@return these options for other numbers of calls}
   *
   * @param calls how many run side by side on the processor at most
   */
  public DetectorOptions withConcurrency(int calls) {
    return new DetectorOptions(
        device, precision, spec, builder, scoreThreshold, calls, threads, batch);
  }

  /**
   * {@return these options with a number of threads}
   *
   * @param count how many each call computes with
   */
  public DetectorOptions withThreads(int count) {
    return new DetectorOptions(
        device,
        precision,
        spec,
        builder,
        scoreThreshold,
        concurrency,
        OptionalInt.of(count),
        batch);
  }

  /**
   * {@return these options with a size of batches}
   *
   * @param images how many images of waiting calls go through the network together at most
   */
  public DetectorOptions withBatch(int images) {
    return new DetectorOptions(
        device,
        precision,
        spec,
        builder,
        scoreThreshold,
        concurrency,
        threads,
        OptionalInt.of(images));
  }
}
