package dev.cocoli.benchmarks.roofline;

import dev.cocoli.files.OutputFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Counts what a training step or a detection asks of a GPU, and prints it by kernel. */
@Command(
    name = "benchmarks/roofline",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Counts what one training step or one detection of fasterrcnn_resnet50_fpn asks of a GPU,"
          + " without a GPU: the CUDA backend runs as it is, on a stand-in for NVIDIA's libraries"
          + " that writes calls down. Prints launches, bytes and operations by kernel, and the time"
          + " that each needs at the rates of a card. Needs a C++ compiler."
    },
    exitCodeListHeading = "Exit codes: ",
    exitCodeList = {"0:counted", "1:could not", "2:wrong usage"})
final class RooflineCommand implements Callable<Integer> {
  @Option(
      names = "--gpu",
      paramLabel = "NAME",
      defaultValue = "h100",
      description = "a100, h100, h200 or b200. Default: ${DEFAULT-VALUE}.")
  private String gpu;

  @Option(
      names = "--task",
      paramLabel = "TASK",
      defaultValue = "train",
      description = "train or detect. Default: ${DEFAULT-VALUE}.")
  private String task;

  @Option(
      names = "--size",
      paramLabel = "HxW",
      defaultValue = "800x1344",
      description = "Height and width of the images. Default: ${DEFAULT-VALUE}.")
  private String size;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Images. Default: 8 to train, 1 to detect.")
  private Integer batch;

  @Option(
      names = "--precision",
      paramLabel = "P",
      defaultValue = "bf16",
      description = "fp32 or bf16. Default: ${DEFAULT-VALUE}.")
  private String precision;

  @Option(
      names = "--norm",
      paramLabel = "NORM",
      defaultValue = "batch",
      description = "The backbone's norms: frozen or batch. Default: ${DEFAULT-VALUE}.")
  private String norm;

  @Option(names = "--json", paramLabel = "FILE", description = "Write all of it there.")
  private Path json;

  @Spec private CommandSpec spec;

  private RooflineCommand() {}

  /**
   * Runs the command and ends the process.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    System.exit(
        run(new PrintWriter(System.out, true), new PrintWriter(System.err, true), arguments));
  }

  /** Runs the command; returns its exit code. */
  static int run(PrintWriter out, PrintWriter err, String... arguments) {
    return new CommandLine(new RooflineCommand())
        .setUsageHelpAutoWidth(true)
        .setOut(out)
        .setErr(err)
        .setParameterExceptionHandler(
            (problem, all) -> {
              err.println("roofline: " + problem.getMessage() + " (see --help)");
              return CommandLine.ExitCode.USAGE;
            })
        .setExecutionExceptionHandler(
            (problem, line, result) -> {
              if (!(problem instanceof RooflineException || problem instanceof IOException)) {
                problem.printStackTrace(err); // a bug of ours
              }
              err.println("roofline: " + problem.getMessage());
              return CommandLine.ExitCode.SOFTWARE;
            })
        .execute(arguments);
  }

  @Override
  public Integer call() throws IOException {
    Card card;
    Workload work;
    try {
      card = Card.parse(gpu);
      int images = batch != null ? batch : task.equals("train") ? 8 : 1;
      work = Workload.of(task, size, images, precision, norm);
    } catch (IllegalArgumentException e) {
      throw new CommandLine.ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    Counts counts;
    try (StandIn standIn = StandIn.build()) {
      counts = Counts.of(standIn.run(card, work), card, work);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "%s, %s on an %s, %s, %d of %s, %s norms%n",
        Workload.MODEL, work.task(), card, work.precision(), work.batch(), work.size(), norm);
    print(counts, out);
    if (json != null) {
      write(counts.json(card, work).toPrettyString() + "\n");
    }
    return CommandLine.ExitCode.OK;
  }

  private void write(String text) {
    try {
      OutputFile.write(json, text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new RooflineException("cannot write " + json + ": " + OutputFile.reason(e), e);
    }
  }

  private static void print(Counts counts, PrintWriter out) {
    List<Map.Entry<String, Counts.Sum>> names =
        counts.byName().entrySet().stream()
            .sorted(
                Comparator.comparingDouble(
                    (Map.Entry<String, Counts.Sum> e) -> -e.getValue().milliseconds()))
            .toList();
    out.printf(Locale.ROOT, "%-42s %8s %10s %10s %9s%n", "", "calls", "MB", "GFLOP", "ms");
    for (Map.Entry<String, Counts.Sum> entry : names) {
      Counts.Sum sum = entry.getValue();
      print(out, entry.getKey(), sum.launches() + sum.copies() + sum.memsets(), sum);
    }
    Counts.Sum all = counts.sum();
    print(out, "all", all.launches() + all.copies() + all.memsets(), all);
    out.printf(
        Locale.ROOT,
        "%d launches, %d copies, %d memsets, %d waits%n",
        all.launches(),
        all.copies(),
        all.memsets(),
        counts.waits());
    out.flush();
  }

  private static void print(PrintWriter out, String name, long calls, Counts.Sum sum) {
    out.printf(
        Locale.ROOT,
        "%-42s %8d %10.1f %10.1f %9.3f%n",
        name,
        calls,
        sum.bytes() / 1e6,
        sum.flops() / 1e9,
        sum.milliseconds());
  }
}
