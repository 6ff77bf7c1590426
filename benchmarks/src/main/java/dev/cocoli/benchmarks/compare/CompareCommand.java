package dev.cocoli.benchmarks.compare;

import dev.cocoli.backend.Backends;
import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.detection.Models;
import dev.cocoli.files.Folder;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Compares Cocoli with its peers and prints the result. */
@Command(
    name = "benchmarks/compare",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Compares Cocoli with torchvision (plain, channels-last, bfloat16 autocast) and ONNX Runtime:"
          + " the same weights, the same images, in turn on this machine. Refuses to time what"
          + " does not compute the same. Prints medians, ratios (theirs / Cocoli's), peak memory,"
          + " the time of the bare oneDNN primitives, and the engine's own share of the time."
    },
    exitCodeListHeading = "Exit codes: ",
    exitCodeList = {"0:compared", "1:could not, or would compare different work", "2:wrong usage"})
final class CompareCommand implements Callable<Integer> {
  private static final ImageSize COLD_SIZE = new ImageSize(240, 320);
  private static final int FIRST_IMAGES = 6;

  /** The parts of a comparison. */
  enum Part {
    /** Detection, compared with each peer. */
    DETECT,
    /** A training step, compared with each peer. */
    TRAIN,
    /** The bare oneDNN primitives, and the engine's own part of the time. */
    FLOOR,
    /** The detection on one small image from the shell. */
    COLD,
    /** The detection on a few image files from the shell. */
    FIRST
  }

  @Option(
      names = "--python",
      paramLabel = "PATH",
      description =
          "The interpreter that has torch, torchvision, and for ONNX Runtime onnx and onnxruntime."
              + " Default: that of the active virtual environment.")
  private Path interpreter;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "PART",
      description = "Some of ${COMPLETION-CANDIDATES}. Default: all.")
  private List<Part> only = List.of(Part.values());

  @Option(
      names = "--peers",
      split = ",",
      paramLabel = "PEER",
      description =
          "Some of torchvision, torchvision-channels-last, torchvision-bf16, onnxruntime. Default:"
              + " those of the precision; with bf16 all.")
  private List<String> peers;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = "fasterrcnn_resnet50_fpn",
      description = "Default: ${DEFAULT-VALUE}.")
  private String model;

  @Option(
      names = "--size",
      paramLabel = "HxW",
      defaultValue = "800x1088",
      description = "Height and width of the images. Default: ${DEFAULT-VALUE}.")
  private String size;

  @Option(names = "--batch", paramLabel = "N", defaultValue = "1", description = "Default: 1.")
  private int batch;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Computing threads, on both sides. Default: the processors.")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--precision",
      paramLabel = "P",
      defaultValue = "fp32",
      description = "Cocoli's: fp32 or bf16. Default: ${DEFAULT-VALUE}.")
  private String precision;

  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = "cpu",
      description = "cpu or cuda, on both sides. Default: ${DEFAULT-VALUE}.")
  private String device;

  @Option(names = "--rounds", paramLabel = "N", defaultValue = "5", description = "Default: 5.")
  private int rounds;

  @Option(
      names = "--warm-ups",
      paramLabel = "N",
      defaultValue = "3",
      description = "Untimed runs before the rounds, on both sides. Default: ${DEFAULT-VALUE}.")
  private int warmUps;

  @Option(names = "--json", paramLabel = "FILE", description = "Write every figure there.")
  private Path json;

  @Option(
      names = "--markdown",
      description = "Print the tables as Markdown, as docs/benchmarks.md has them.")
  private boolean markdown;

  @Spec private CommandSpec spec;

  private CompareCommand() {}

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
    return new CommandLine(new CompareCommand())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(true)
        .setOut(out)
        .setErr(err)
        .setParameterExceptionHandler(
            (problem, all) -> {
              err.println("compare: " + problem.getMessage() + " (see --help)");
              return CommandLine.ExitCode.USAGE;
            })
        .setExecutionExceptionHandler(
            (problem, line, result) -> {
              if (!(problem instanceof ComparisonException || problem instanceof IOException)) {
                problem.printStackTrace(err); // a bug of ours
              }
              err.println("compare: " + problem.getMessage());
              return CommandLine.ExitCode.SOFTWARE;
            })
        .execute(arguments);
  }

  @Override
  public Integer call() throws IOException {
    Work work = work();
    List<Peer> asked = askedPeers();
    Path root = Path.of(System.getProperty("cocoli.root", "."));
    PythonPeers python =
        PythonPeers.find(
            interpreter,
            System.getenv("VIRTUAL_ENV"),
            root.resolve("benchmarks/src/main/python/peers.py"));
    Report report = new Report();
    Circumstances.describe(report, work, root, python, warmUps, rounds);
    List<Peer> chosen = available(asked, python, report);
    Path folder = Files.createTempDirectory("cocoli-compare");
    try {
      compare(work, chosen, python, folder, report);
      if (only.contains(Part.COLD)) {
        cold(work, python, root, folder, report);
      }
      if (only.contains(Part.FIRST) && device.equals("cpu")) {
        first(work, python, root, folder, report);
      }
    } finally {
      Folder.delete(folder);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.print(report.print(markdown ? Table.Form.MARKDOWN : Table.Form.TEXT));
    out.flush();
    if (json != null) {
      report.write(json);
    }
    return CommandLine.ExitCode.OK;
  }

  private Work work() {
    try {
      if (!Models.names().contains(model) || model.equals("fasterrcnn_tiny_fpn")) {
        throw new IllegalArgumentException("torchvision has no model '" + model + "'");
      }
      if (batch < 1 || threads < 1 || rounds < 1 || warmUps < 1) {
        throw new IllegalArgumentException(
            "--batch, --threads, --rounds and --warm-ups are 1 or more");
      }
      Precision.parse(precision);
      Backends.device(device);
      return new Work(model, ImageSize.parse(size), batch, threads, device);
    } catch (IllegalArgumentException e) {
      throw new CommandLine.ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private List<Peer> askedPeers() {
    try {
      return peers == null
          ? Peer.of(Precision.parse(precision))
          : peers.stream().map(Peer::parse).distinct().toList();
    } catch (IllegalArgumentException e) {
      throw new CommandLine.ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  /** The peers that can be run; it is an error if one that was asked for by name cannot. */
  private List<Peer> available(List<Peer> asked, PythonPeers python, Report report) {
    List<String> missing = python.missingForOnnx();
    if (!asked.contains(Peer.ONNX_RUNTIME) || missing.isEmpty()) {
      return asked;
    }
    String reason = "onnxruntime was left out: Python has no " + String.join(", no ", missing);
    if (peers != null) {
      throw new ComparisonException(reason);
    }
    report.note(reason);
    return asked.stream().filter(peer -> peer != Peer.ONNX_RUNTIME).toList();
  }

  private void compare(Work work, List<Peer> chosen, PythonPeers python, Path folder, Report report)
      throws IOException {
    List<Task> tasks = new ArrayList<>();
    if (only.contains(Part.DETECT)) {
      tasks.add(Task.DETECT);
    }
    if (only.contains(Part.TRAIN)) {
      tasks.add(Task.TRAIN);
    }
    boolean floor = only.contains(Part.FLOOR) && device.equals("cpu");
    if (tasks.isEmpty() && !floor) {
      return;
    }
    Comparison comparison =
        new Comparison(work, folder, Precision.parse(precision), python, this::report);
    comparison.prepare(chosen, tasks);
    for (Task task : tasks) {
      List<Peer> able = chosen.stream().filter(peer -> peer.does(task, batch)).toList();
      comparison.compare(task, able, warmUps, rounds).forEach(report::add);
    }
    if (floor) {
      List<Task> shared = tasks.isEmpty() ? List.of(Task.values()) : tasks;
      comparison.shares(shared, warmUps, rounds).forEach(report::add);
    }
  }

  private void cold(Work work, PythonPeers python, Path root, Path folder, Report report)
      throws IOException {
    Path coldFolder = Files.createDirectory(folder.resolve("cold"));
    Work small = new Work(work.model(), COLD_SIZE, 1, work.threads(), work.device());
    new Comparison(small, coldFolder, Precision.FP32, python, this::report)
        .prepare(List.of(), List.of());
    report.add(new ShellDetection(small, coldFolder, root, python, this::report).cold(rounds));
  }

  private void first(Work work, PythonPeers python, Path root, Path folder, Report report)
      throws IOException {
    List<String> missing = python.missingForFiles();
    if (!missing.isEmpty()) {
      report.note("first was left out: Python has no " + String.join(", no ", missing));
      return;
    }
    Path firstFolder = Files.createDirectory(folder.resolve("first"));
    Work images = new Work(work.model(), work.size(), FIRST_IMAGES, work.threads(), work.device());
    new Comparison(images, firstFolder, Precision.FP32, python, this::report)
        .prepare(List.of(), List.of());
    report.add(new ShellDetection(images, firstFolder, root, python, this::report).first(rounds));
  }

  private void report(String what) {
    spec.commandLine().getErr().println("compare: " + what);
  }
}
