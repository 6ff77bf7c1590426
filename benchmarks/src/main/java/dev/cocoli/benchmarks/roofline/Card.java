package dev.cocoli.benchmarks.roofline;

import dev.cocoli.tensor.Precision;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A GPU and its rates: those of NVIDIA's data sheet of the SXM module, dense, and the shares of them
 * that were measured.
 */
enum Card {
  /** NVIDIA A100 80GB data sheet, 2021. */
  A100(108, 80, 2.039, 312, 19.5),
  /** NVIDIA H100 data sheet, 2023. */
  H100(132, 80, 3.35, 989, 67),
  /** NVIDIA H200 data sheet, 2024. */
  H200(132, 141, 4.8, 989, 67),
  /** NVIDIA HGX B200 data sheet, 2025, an eighth of the board. */
  B200(148, 180, 8, 2250, 75);

  private static final double SHARE_OF_BANDWIDTH = 0.8;
  private static final double SHARE_OF_BF16 = 0.5;
  private static final double SHARE_OF_FP32 = 0.8;
  private static final double LEAST_MICROSECONDS = 2.5;

  private final int multiprocessors;
  private final long memoryBytes;
  private final double terabytesPerSecond;
  private final double bf16Teraflops;
  private final double fp32Teraflops;

  Card(
      int multiprocessors,
      int gigabytes,
      double terabytesPerSecond,
      double bf16Teraflops,
      double fp32Teraflops) {
    this.multiprocessors = multiprocessors;
    this.memoryBytes = gigabytes * 1_000_000_000L;
    this.terabytesPerSecond = terabytesPerSecond;
    this.bf16Teraflops = bf16Teraflops;
    this.fp32Teraflops = fp32Teraflops;
  }

  static Card parse(String name) {
    return Arrays.stream(values())
        .filter(card -> card.toString().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown GPU '"
                        + name
                        + "': they are "
                        + Arrays.stream(values())
                            .map(Card::toString)
                            .collect(Collectors.joining(", "))));
  }

  int multiprocessors() {
    return multiprocessors;
  }

  long memoryBytes() {
    return memoryBytes;
  }

  /**
   * {@return the milliseconds of a kernel, a call into a library, a copy or a memset}
   *
   * @param bytes that it reads and writes
   * @param flops of convolutions and products
   * @param precision of their operands
   */
  double milliseconds(long bytes, long flops, Precision precision) {
    double memory = bytes / (terabytesPerSecond * SHARE_OF_BANDWIDTH * 1e9);
    double rate =
        precision == Precision.BF16
            ? bf16Teraflops * SHARE_OF_BF16
            : fp32Teraflops * SHARE_OF_FP32;
    return Math.max(LEAST_MICROSECONDS / 1e3, Math.max(memory, flops / (rate * 1e9)));
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
