package dev.cocoli.bundle.prove;

import dev.cocoli.backend.Backends;
import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.benchmarks.SyntheticModel;
import dev.cocoli.bundle.selftest.Bench;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A training step or a detection that is measured.
 *
 * @param task which of both
 * @param batch images at a time
 * @param number how fp32 and bf16 are multiplied
 * @param norm the backbone's norms
 * @param graphs whether regions are replayed as CUDA graphs
 * @param device where
 * @param model the model's name
 * @param size of the images
 * @param effort how often it runs
 */
record Workload(
    Task task,
    int batch,
    Multiplication number,
    Norm.Type norm,
    Graphs graphs,
    String device,
    String model,
    ImageSize size,
    Effort effort) {

  /** What is done. */
  enum Task {
    /** From pixels in memory to updated parameters. */
    TRAIN(25, 60, 30),
    /** From pixels in memory to boxes on the host. */
    DETECT(60, 600, 100);

    /** As many as choose every plan on a GPU, which is timed at its eighth use. */
    private final int fewestWarmUps;

    /** As many as let the JVM compile the calls. */
    private final int mostWarmUps;

    private final int mostRuns;

    Task(int fewestWarmUps, int mostWarmUps, int mostRuns) {
      this.fewestWarmUps = fewestWarmUps;
      this.mostWarmUps = mostWarmUps;
      this.mostRuns = mostRuns;
    }
  }

  /** What numbers are multiplied as. */
  enum Multiplication {
    /** fp32 as it is. */
    FP32(Precision.FP32),
    /** fp32 with 10 bits of mantissa, on a GPU. */
    TF32(Precision.FP32),
    /** bf16. */
    BF16(Precision.BF16);

    private final Precision precision;

    Multiplication(Precision precision) {
      this.precision = precision;
    }
  }

  /** Whether regions are replayed as CUDA graphs. */
  enum Graphs {
    /** They are. */
    ON,
    /** They are not. */
    OFF
  }

  /**
   * How often work is run; 0 leaves a number to the task, the device and the clock.
   *
   * @param warmUps untimed runs
   * @param runs timed runs
   */
  record Effort(int warmUps, int runs) {
    static final Effort ENOUGH = new Effort(0, 0);
  }

  /** The CPU chooses no plans, and is slow. */
  private static final int CPU_WARM_UPS = 3;

  private static final int FEWEST_RUNS = 5;
  private static final double WARM_UP_SECONDS = 5;
  private static final double RUN_SECONDS = 4;

  /** {@return its name in tables} */
  String title() {
    return word(task)
        + " "
        + batch
        + " "
        + word(number)
        + (norm == Norm.Type.FROZEN ? " frozen" : "")
        + (graphs == Graphs.ON ? " graphs" : "");
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  /**
   * {@return the words by which a {@link CheckProcess} does it}
   *
   * @param what {@code time} or {@code profile}
   */
  List<String> words(String what) {
    return List.of(
        what,
        device,
        task.name(),
        Integer.toString(batch),
        number.name(),
        norm.name(),
        graphs.name(),
        model,
        size.toString(),
        Integer.toString(effort.warmUps),
        Integer.toString(effort.runs));
  }

  static Workload parse(List<String> words) {
    return new Workload(
        Task.valueOf(words.get(2)),
        Integer.parseInt(words.get(3)),
        Multiplication.valueOf(words.get(4)),
        Norm.Type.valueOf(words.get(5)),
        Graphs.valueOf(words.get(6)),
        words.get(1),
        words.get(7),
        ImageSize.parse(words.get(8)),
        new Effort(Integer.parseInt(words.get(9)), Integer.parseInt(words.get(10))));
  }

  private Bench open() {
    // read when the device is opened
    System.setProperty("cocoli.cuda.tf32", Boolean.toString(number == Multiplication.TF32));
    System.setProperty("cocoli.cuda.graphs", Boolean.toString(graphs == Graphs.ON));
    if (System.getProperty("cocoli.cuda.compile") == null) {
      // what is timed has every kernel that a long run would have
      System.setProperty("cocoli.cuda.compile", "120");
    }
    return new Bench(
        Backends.device(device),
        SyntheticModel.spec(model, size, norm),
        size,
        batch,
        number.precision);
  }

  /** Runs it once; returns its seconds. */
  private double run(Bench bench, int step) {
    long began = System.nanoTime();
    switch (task) {
      // random weights between frozen norms would not stay finite
      case TRAIN -> bench.step(step, norm == Norm.Type.FROZEN ? 0 : 1e-4f);
      case DETECT -> bench.detect();
    }
    return (System.nanoTime() - began) / 1e9;
  }

  /** Runs it until its plans are chosen; returns how often. */
  private int warmUp(Bench bench, int fewest, int most) {
    double spent = 0;
    int count = 0;
    while (count < fewest || count < most && spent < WARM_UP_SECONDS) {
      spent += run(bench, count++);
    }
    return count;
  }

  private int warmUps(int onGpu) {
    boolean isGpu = Backends.device(device).kind() == Device.Kind.CUDA;
    return effort.warmUps > 0 ? effort.warmUps : isGpu ? onGpu : CPU_WARM_UPS;
  }

  /** Measures the median of its times after it is warm. */
  Finding time(String check) {
    long began = System.nanoTime();
    try (Bench bench = open()) {
      int warmUps = warmUp(bench, warmUps(task.fewestWarmUps), warmUps(task.mostWarmUps));
      double[] seconds = new double[effort.runs > 0 ? effort.runs : task.mostRuns];
      int fewest = effort.runs > 0 ? effort.runs : FEWEST_RUNS;
      int runs = 0;
      for (double spent = 0;
          runs < fewest || runs < seconds.length && spent < RUN_SECONDS;
          runs++) {
        seconds[runs] = run(bench, warmUps + runs);
        spent += seconds[runs];
      }
      double[] sorted = Arrays.copyOf(seconds, runs);
      Arrays.sort(sorted);
      double median = 1e3 * sorted[runs / 2];
      double fastest = 1e3 * sorted[0];
      double mebibytes = bench.backend().pool().reservedBytes() / 1048576.0;
      double rate = 1e3 * batch / median;
      return new Finding(
          check,
          Verdict.NOTED,
          String.format(
              Locale.ROOT,
              "%.2f ms, %.1f images/s (median of %d after %d; fastest %.2f ms; %,.0f MiB)",
              median,
              rate,
              runs,
              warmUps,
              fastest,
              mebibytes),
          (System.nanoTime() - began) / 1e9,
          Map.of(
              "milliseconds", median,
              "fastest_milliseconds", fastest,
              "images_per_second", rate,
              "runs", (double) runs,
              "warm_ups", (double) warmUps,
              "pool_mebibytes", mebibytes));
    } catch (IllegalArgumentException e) { // no bf16 here
      return new Finding(check, Verdict.NOTED, e.getMessage(), 0);
    }
  }

  /** Runs it once for a profiler that waits for the sign, after it is warm. */
  Finding profile(String check) {
    long began = System.nanoTime();
    try (Bench bench = open()) {
      int fewest = warmUps(task.fewestWarmUps);
      int warmUps = warmUp(bench, fewest, fewest);
      bench.backend().transfers().synchronize();
      CudaProfiler.start();
      run(bench, warmUps);
      bench.backend().transfers().synchronize();
      CudaProfiler.stop();
      return new Finding(
          check, Verdict.OK, "one run after " + warmUps, (System.nanoTime() - began) / 1e9);
    }
  }
}
