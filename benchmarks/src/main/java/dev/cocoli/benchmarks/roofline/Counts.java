package dev.cocoli.benchmarks.roofline;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What one run asks of a device.
 *
 * @param waits how often the host waits
 * @param byName kernels by their names, {@code convolution} and {@code matmul} for calls of cuDNN
 *     and cublasLt, {@code copy} and {@code memset}
 */
record Counts(long waits, SortedMap<String, Sum> byName) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * What calls of one name add up to.
   *
   * @param launches kernels and calls of libraries
   * @param copies between host and device and within the device
   * @param memsets memory that is cleared
   * @param bytes of the device's memory that are read and written
   * @param flops multiplications and additions of convolutions and products
   * @param milliseconds at the card's rates
   */
  record Sum(
      long launches, long copies, long memsets, long bytes, long flops, double milliseconds) {
    static final Sum NOTHING = new Sum(0, 0, 0, 0, 0, 0);

    Sum plus(Sum other) {
      return new Sum(
          launches + other.launches,
          copies + other.copies,
          memsets + other.memsets,
          bytes + other.bytes,
          flops + other.flops,
          milliseconds + other.milliseconds);
    }

    private void write(ObjectNode node) {
      node.put("launches", launches)
          .put("copies", copies)
          .put("memsets", memsets)
          .put("bytes", bytes)
          .put("flops", flops)
          .put("milliseconds", Math.round(milliseconds * 1e4) / 1e4);
    }
  }

  /**
   * Adds up the calls of the last run.
   *
   * @param calls as {@link StandIn#run} returns them
   * @throws RooflineException if the run before made other calls, so that it was too early to count
   */
  static Counts of(List<String> calls, Card card, Workload work) {
    List<Counts> runs = new ArrayList<>();
    Tally tally = new Tally(card, work);
    for (String call : calls) {
      if (call.equals(CountedRun.END_OF_RUN)) {
        runs.add(tally.counts());
        tally = new Tally(card, work);
      } else {
        tally.add(call);
      }
    }
    Counts last = runs.getLast();
    for (Counts run : runs) {
      if (!run.equals(last)) {
        throw new RooflineException(
            "runs differ after warm-up: "
                + run.sum().launches()
                + " and "
                + last.sum().launches()
                + " launches");
      }
    }
    return last;
  }

  /** {@return the sum over all names} */
  Sum sum() {
    return byName.values().stream().reduce(Sum.NOTHING, Sum::plus);
  }

  /**
   * {@return all as JSON}
   *
   * @param card at whose rates
   * @param work what was counted
   */
  ObjectNode json(Card card, Workload work) {
    ObjectNode all =
        JSON.createObjectNode()
            .put("gpu", card.toString())
            .put("model", Workload.MODEL)
            .put("task", work.task().toString())
            .put("size", work.size().toString())
            .put("batch", work.batch())
            .put("precision", work.words().get(3))
            .put("norm", work.words().get(4))
            .put("waits", waits);
    sum().write(all);
    ObjectNode kernels = all.putObject("kernels");
    for (Map.Entry<String, Sum> entry : byName.entrySet()) {
      entry.getValue().write(kernels.putObject(entry.getKey()));
    }
    return all;
  }

  /** Adds up calls. */
  private static final class Tally {
    /** What cudaMemcpyKind calls a copy within the device. */
    private static final String WITHIN_DEVICE = "3";

    private final Card card;
    private final Workload work;
    private final KernelTraffic traffic;
    private final SortedMap<String, Sum> byName = new TreeMap<>();
    private long waits;

    Tally(Card card, Workload work) {
      this.card = card;
      this.work = work;
      traffic = new KernelTraffic(work.batch());
    }

    void add(String call) {
      String[] words = call.split(" ");
      switch (words[0]) {
        case "wait" -> waits++;
        case "kernel" -> {
          KernelArguments arguments = new KernelArguments(words[1], words[4]);
          long bytes =
              traffic.bytes(
                  words[1], Long.parseLong(words[2]), Long.parseLong(words[3]), arguments);
          add(words[1], 1, 0, 0, bytes, 0);
        }
        case "convolution", "matmul" ->
            add(words[0], 1, 0, 0, Long.parseLong(words[2]), Long.parseLong(words[1]));
        case "copy" -> {
          // across the link, one side of it is the device's memory
          int passes = words[1].equals(WITHIN_DEVICE) ? 2 : 1;
          add(words[0], 0, 1, 0, passes * Long.parseLong(words[2]), 0);
        }
        case "memset" -> add(words[0], 0, 0, 1, Long.parseLong(words[1]), 0);
        default -> throw new RooflineException("the stand-in counted '" + words[0] + "'");
      }
    }

    private void add(
        String name, long launches, long copies, long memsets, long bytes, long flops) {
      double time = card.milliseconds(bytes, flops, work.precision());
      byName.merge(name, new Sum(launches, copies, memsets, bytes, flops, time), Sum::plus);
    }

    Counts counts() {
      return new Counts(waits, byName);
    }
  }
}
