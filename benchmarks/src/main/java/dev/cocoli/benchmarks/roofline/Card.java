package dev.cocoli.benchmarks.roofline;

import dev.cocoli.tensor.Precision;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A GPU and its rates: those of NVIDIA's data sheet of the SXM module, dense, and the shares of
 * them that were measured.
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

  // docs/gpu.md, "Where": measured for a training step on an H200, beside what is counted for it

  /** The four large passes of batch norm: 36.5 GB in 10.4 ms, which is 3.5 TB/s. */
  private static final double SHARE_OF_BANDWIDTH = 0.73;

  /** With it, 218 calls of cuDNN and cublasLt with 8.3 TFLOP take the measured 21.1 ms. */
  private static final double SHARE_OF_BF16 = 0.445;

  /** With it, 104 copies of weights take the measured 0.4 ms: most are too short for the rates. */
  private static final double LEAST_MICROSECONDS = 3.5;

  /**
   * docs/gpu.md, "Fast": a detection in fp32 on an H100, 18.8 ms in all, of which 432 GFLOP are
   * convolutions.
   */
  private static final double SHARE_OF_FP32 = 0.37;

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
        precision == Precision.BF16 ? bf16Teraflops * SHARE_OF_BF16 : fp32Teraflops * SHARE_OF_FP32;
    return Math.max(LEAST_MICROSECONDS / 1e3, Math.max(memory, flops / (rate * 1e9)));
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
