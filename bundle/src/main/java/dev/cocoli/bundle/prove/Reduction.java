package dev.cocoli.bundle.prove;

import dev.cocoli.benchmarks.AllReduceBenchmark;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/**
 * The time of an all-reduce, and the bus bandwidth that follows: each link carries 2 (n - 1) / n of
 * the bytes.
 *
 * @param device of the first rank; on GPUs each rank has its own
 * @param ranks their number, 2 or more
 * @param mebibytes the size of the tensor
 */
record Reduction(String device, int ranks, int mebibytes) {
  private static final int WARM_UPS = 5;
  private static final int RUNS = 20;

  Finding time(String check) {
    long began = System.nanoTime();
    AllReduceBenchmark benchmark = new AllReduceBenchmark();
    benchmark.device = device;
    benchmark.ranks = ranks;
    benchmark.mebibytes = mebibytes;
    benchmark.precision = "fp32";
    benchmark.connect();
    double[] seconds = new double[RUNS];
    for (int i = -WARM_UPS; i < RUNS; i++) {
      long start = System.nanoTime();
      benchmark.allReduce();
      if (i >= 0) {
        seconds[i] = (System.nanoTime() - start) / 1e9;
      }
    }
    try {
      benchmark.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Arrays.sort(seconds);
    double median = seconds[RUNS / 2];
    double bandwidth = 2.0 * (ranks - 1) / ranks * mebibytes * 1048576 / median / 1e9;
    return new Finding(
        check,
        Verdict.NOTED,
        String.format(
            Locale.ROOT, "%.3f ms, %.1f GB/s on the bus (median)", 1e3 * median, bandwidth),
        (System.nanoTime() - began) / 1e9,
        Map.of("milliseconds", 1e3 * median, "bus_gigabytes_per_second", bandwidth));
  }
}
