package dev.cocoli.bundle.prove;

import dev.cocoli.bundle.prove.Workload.Graphs;
import dev.cocoli.bundle.prove.Workload.Multiplication;
import dev.cocoli.bundle.prove.Workload.Task;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import dev.cocoli.nn.Norm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Where the time of a training step and of a detection goes: by kernel, if Nsight Compute's {@code
 * ncu} is there, beside what {@code benchmarks/roofline} counted. Without it the whole step is
 * measured.
 */
final class WhereStage implements Stage {
  private static final int SECONDS = 150;
  private static final int TIME_SECONDS = 60;
  private static final int SHOWN = 20;

  @Override
  public void run(Request request, StageReport report) throws IOException, InterruptedException {
    Optional<Path> ncu = request.isGpu() ? Program.find("ncu") : Optional.empty();
    if (ncu.isEmpty()) {
      String why =
          request.isGpu()
              ? "ncu of Nsight Compute is not on the PATH: whole steps only"
              : "only a GPU has kernels: whole steps only";
      report.add(new Finding("kernels", Verdict.NOTED, why, 0));
    }
    List<Workload> all = workloads(request);
    List<Check> times = new ArrayList<>();
    for (Workload work : all) {
      times.add(new Check("whole " + work.title(), work.words("time"), TIME_SECONDS));
    }
    new CheckRun(Launch.PLAIN, report).run(times);
    if (ncu.isPresent()) {
      Set<String> ours = OurKernels.names();
      for (Workload work : all) {
        profile(work, ncu.get(), ours, request, report);
      }
    }
  }

  private static List<Workload> workloads(Request request) {
    int largest = request.batches().getLast();
    int smallest = request.batches().getFirst();
    List<Workload> all = new ArrayList<>();
    all.add(workload(request, Task.TRAIN, largest, Multiplication.BF16, Norm.Type.BATCH));
    all.add(workload(request, Task.DETECT, smallest, Multiplication.BF16, Norm.Type.BATCH));
    all.add(workload(request, Task.TRAIN, largest, Multiplication.BF16, Norm.Type.FROZEN));
    all.add(workload(request, Task.DETECT, smallest, Multiplication.FP32, Norm.Type.BATCH));
    return all.stream().filter(work -> request.wants(work.title())).toList();
  }

  private static Workload workload(
      Request request, Task task, int batch, Multiplication number, Norm.Type norm) {
    return new Workload(
        task,
        batch,
        number,
        norm,
        Graphs.OFF,
        request.device().toString(),
        request.model(),
        request.size(),
        request.effort());
  }

  private static void profile(
      Workload work, Path ncu, Set<String> ours, Request request, StageReport report)
      throws IOException, InterruptedException {
    String name = "kernels of " + work.title();
    Path rows = request.folder().resolve("where-" + work.title().replace(' ', '-') + ".csv");
    List<String> tool =
        List.of(
            ncu.toString(),
            "--profile-from-start",
            "off",
            // as fast as the step itself is, with the caches as it leaves them
            "--clock-control",
            "none",
            "--cache-control",
            "none",
            "--metrics",
            "gpu__time_duration.sum",
            "--csv",
            "--log-file",
            rows.toString());
    Files.deleteIfExists(rows); // of another day
    Check check = new Check("profile of " + work.title(), work.words("profile"), SECONDS);
    boolean isWhole = new CheckRun(Launch.PLAIN.by(tool), report).run(List.of(check)).isEmpty();
    KernelTimes times;
    try {
      times = KernelTimes.read(Files.exists(rows) ? Files.readAllLines(rows) : List.of(), ours);
    } catch (IllegalArgumentException e) {
      report.add(new Finding(name, Verdict.FAILED, e.getMessage(), 0));
      return;
    }
    if (!isWhole) {
      return; // not all launches are there
    }
    Optional<CountedStep> counted = CountedStep.of(work);
    report.text(table(times, counted));
    report.add(finding(name, times, counted));
  }

  /** The kernels that take most time, beside what was counted. */
  static String table(KernelTimes times, Optional<CountedStep> counted) {
    Map<String, KernelTimes.Sum> expected = counted.map(CountedStep::kernels).orElse(Map.of());
    Set<String> names = new TreeSet<>(times.kernels().keySet());
    names.addAll(expected.keySet());
    List<String> sorted =
        names.stream()
            .sorted(
                (a, b) -> Double.compare(larger(b, times, expected), larger(a, times, expected)))
            .toList();
    StringBuilder text = new StringBuilder();
    text.append(row("kernel", "ms", "launches", "counted ms", "counted launches"));
    for (String name : sorted.subList(0, Math.min(SHOWN, sorted.size()))) {
      text.append(row(name, times.kernels().get(name), expected.get(name)));
    }
    if (sorted.size() > SHOWN) {
      List<String> rest = sorted.subList(SHOWN, sorted.size());
      text.append(
          row("%d others".formatted(rest.size()), sum(rest, times.kernels()), sum(rest, expected)));
    }
    text.append(row("all", times.total(), counted.map(CountedStep::total).orElse(null)));
    return text.toString();
  }

  private static double larger(
      String name, KernelTimes times, Map<String, KernelTimes.Sum> expected) {
    return Math.max(
        times.kernels().getOrDefault(name, KernelTimes.Sum.NONE).milliseconds(),
        expected.getOrDefault(name, KernelTimes.Sum.NONE).milliseconds());
  }

  private static KernelTimes.Sum sum(List<String> names, Map<String, KernelTimes.Sum> all) {
    return names.stream()
        .map(name -> all.getOrDefault(name, KernelTimes.Sum.NONE))
        .reduce(KernelTimes.Sum.NONE, KernelTimes.Sum::plus);
  }

  private static String row(String name, KernelTimes.Sum measured, KernelTimes.Sum counted) {
    return row(
        name.substring(0, Math.min(44, name.length())),
        milliseconds(measured),
        launches(measured),
        milliseconds(counted),
        launches(counted));
  }

  private static String row(String name, String... cells) {
    return String.format(
        "  %-44s %9s %8s %11s %16s%n", name, cells[0], cells[1], cells[2], cells[3]);
  }

  private static String milliseconds(KernelTimes.Sum sum) {
    return sum == null ? "-" : String.format(Locale.ROOT, "%.3f", sum.milliseconds());
  }

  private static String launches(KernelTimes.Sum sum) {
    return sum == null ? "-" : Long.toString(sum.launches());
  }

  private static Finding finding(String name, KernelTimes times, Optional<CountedStep> counted) {
    KernelTimes.Sum total = times.total();
    Map<String, Double> figures = new HashMap<>();
    figures.put("milliseconds", total.milliseconds());
    figures.put("launches", (double) total.launches());
    times
        .kernels()
        .forEach(
            (kernel, sum) -> {
              figures.put(kernel + ".milliseconds", sum.milliseconds());
              figures.put(kernel + ".launches", (double) sum.launches());
            });
    String beside =
        counted
            .map(CountedStep::total)
            .map(
                sum ->
                    String.format(
                        Locale.ROOT,
                        " (counted for an H100: %.2f ms in %d)",
                        sum.milliseconds(),
                        sum.launches()))
            .orElse("");
    return new Finding(
        name,
        Verdict.NOTED,
        String.format(
                Locale.ROOT,
                "%.2f ms of kernels in %d launches",
                total.milliseconds(),
                total.launches())
            + beside,
        0,
        figures);
  }
}
