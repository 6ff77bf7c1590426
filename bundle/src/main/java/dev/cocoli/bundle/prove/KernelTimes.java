package dev.cocoli.bundle.prove;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The times of kernels by name, as {@code ncu --metrics gpu__time_duration.sum --csv} prints them:
 * a row per launch.
 *
 * @param kernels by name: our kernels by their own, NVIDIA's as convolution, matmul or what they
 *     are called
 */
record KernelTimes(Map<String, Sum> kernels) {
  /** How NVIDIA's kernels for convolutions are called, in parts. */
  private static final List<String> CONVOLUTIONS =
      List.of("fprop", "dgrad", "wgrad", "conv", "cudnn", "implicit", "nhwc", "nchw");

  /** How NVIDIA's kernels for products of matrices are called, in parts. */
  private static final List<String> MATMULS =
      List.of("gemm", "gemv", "cublas", "nvjet", "cutlass", "splitk", "matmul");

  private static final String METRIC = "gpu__time_duration.sum";

  /**
   * Launches of one kernel.
   *
   * @param milliseconds their sum
   * @param launches their number
   */
  record Sum(double milliseconds, long launches) {
    static final Sum NONE = new Sum(0, 0);

    Sum plus(Sum other) {
      return new Sum(milliseconds + other.milliseconds, launches + other.launches);
    }
  }

  /**
   * Reads what {@code ncu} printed.
   *
   * @param lines its file; lines that are no rows are passed over
   * @param ours the names of our kernels
   * @throws IllegalArgumentException if there is no row, with the tool's last error
   */
  static KernelTimes read(List<String> lines, Set<String> ours) {
    Map<String, Sum> kernels = new TreeMap<>();
    List<String> head = null;
    String said = "it printed no row";
    for (String line : lines) {
      if (line.startsWith("==ERROR==") || line.startsWith("==WARNING==")) {
        said = line;
      } else if (line.startsWith("\"")) {
        List<String> cells = cells(line);
        if (head == null) {
          head = cells;
        } else if (cells.size() == head.size()
            && cells.get(head.indexOf("Metric Name")).equals(METRIC)) {
          Optional<Double> milliseconds =
              milliseconds(
                  cells.get(head.indexOf("Metric Value")), cells.get(head.indexOf("Metric Unit")));
          if (milliseconds.isPresent()) {
            String kernel = group(cells.get(head.indexOf("Kernel Name")), ours);
            kernels.merge(kernel, new Sum(milliseconds.get(), 1), Sum::plus);
          }
        }
      }
    }
    if (kernels.isEmpty()) {
      throw new IllegalArgumentException("ncu measured nothing: " + said);
    }
    return new KernelTimes(kernels);
  }

  Sum total() {
    return kernels.values().stream().reduce(Sum.NONE, Sum::plus);
  }

  /** The cells of a row: each in quotes, which are doubled within. */
  private static List<String> cells(String line) {
    List<String> cells = new ArrayList<>();
    StringBuilder cell = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      boolean isDoubled = i + 1 < line.length() && line.charAt(i + 1) == '"';
      if (c == '"' && quoted && isDoubled) {
        cell.append('"');
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        cells.add(cell.toString());
        cell.setLength(0);
      } else {
        cell.append(c);
      }
    }
    cells.add(cell.toString());
    return cells;
  }

  private static Optional<Double> milliseconds(String value, String unit) {
    double scale =
        switch (unit) {
          case "ns", "nsecond" -> 1e-6;
          case "us", "usecond" -> 1e-3;
          case "ms", "msecond" -> 1;
          case "s", "second" -> 1e3;
          default -> throw new IllegalArgumentException("ncu measured in '" + unit + "'");
        };
    try {
      return Optional.of(Double.parseDouble(value.replace(",", "")) * scale);
    } catch (NumberFormatException e) {
      return Optional.empty(); // n/a: a launch that was not measured
    }
  }

  /** {@return the name under which a kernel is counted} */
  static String group(String kernel, Set<String> ours) {
    String name = kernel.replaceFirst("^void ", "").replaceFirst("[<(].*", "").strip();
    if (ours.contains(name)) {
      return name;
    }
    String lower = kernel.toLowerCase(Locale.ROOT);
    if (CONVOLUTIONS.stream().anyMatch(lower::contains)) {
      return "convolution";
    }
    return MATMULS.stream().anyMatch(lower::contains) ? "matmul" : name;
  }
}
