package dev.cocoli.bundle.prove;

import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import dev.cocoli.bundle.selftest.MeasuredOptions;
import dev.cocoli.detection.Models;
import dev.cocoli.files.Folder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Proves in the first minutes on a GPU that it computes what it should, and how fast. */
@Command(
    name = "prove",
    sortOptions = false,
    description = {
      "Proves that a device computes what it should, and measures how fast. Each check runs in a"
          + " process that is ended when it takes too long, and the others go on. Stages:",
      "  right      versions, contract, gradients, torchvision's outputs, memory, downloads, bf16",
      "  fast       times by batch, precision and graphs; beside torchvision, if Python has it",
      "  where      time by kernel (ncu), beside what benchmarks/roofline counted",
      "  sanitize   our kernels under compute-sanitizer: memcheck and racecheck",
      "  nccl       collectives with one rank, several on a card, bandwidth over several cards",
      "  bccd DATA  trains by the recipe of docs/benchmarks.md; AP beside the CPU's",
      "Without a stage: right, then fast."
    },
    exitCodeListHeading = "Exit codes: ",
    exitCodeList = {"0:proved", "1:something failed, or its time was over", "2:wrong usage"})
public final class ProveCommand implements Callable<Integer> {
  /** The stages, in the order in which the help names them, with their seconds. */
  private enum Name {
    RIGHT(180),
    FAST(300),
    WHERE(300),
    SANITIZE(900),
    NCCL(240),
    BCCD(900);

    private final int seconds;

    Name(int seconds) {
      this.seconds = seconds;
    }

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** A stage that is asked for. */
  private record Asked(Name name, Stage stage) {}

  @Parameters(paramLabel = "STAGE", description = "The stages, as above.")
  private List<String> words = List.of();

  @Mixin private MeasuredOptions measured;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description =
          "The time of each stage. Default: right 180, fast 300, where 300, sanitize 900, nccl 240,"
              + " bccd 900.")
  private Integer seconds;

  @Option(
      names = "--only",
      paramLabel = "TEXT",
      split = ",",
      description = "Only the checks whose names contain one of these. Default: all.")
  private List<String> only = List.of();

  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = "fasterrcnn_resnet50_fpn",
      description = "The model that is timed. Default: ${DEFAULT-VALUE}.")
  private String model;

  @Option(
      names = "--warm-ups",
      paramLabel = "N",
      description = "Untimed runs. Default: until all plans are chosen, and some 5 seconds.")
  private int warmUps;

  @Option(
      names = "--runs",
      paramLabel = "N",
      description = "Timed runs. Default: 30 steps or 100 detections, or some 4 seconds.")
  private int runs;

  @Option(
      names = "--python",
      paramLabel = "PATH",
      description =
          "The interpreter that has torch and torchvision. Default: that of the virtual"
              + " environment, or python3.")
  private Path python;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Leave whole logs and results as JSON there. Default: none are left.")
  private Path out;

  @Spec private CommandSpec spec;

  /** Creates the command, which picocli fills. */
  public ProveCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<Asked> stages = stages();
    if (out != null) {
      Path folder = out.toAbsolutePath();
      Request request = request(folder);
      Files.createDirectories(folder);
      return run(stages, request);
    }
    Path scratch = Files.createTempDirectory("cocoli-prove");
    try {
      return run(stages, request(scratch));
    } finally {
      Folder.delete(scratch);
    }
  }

  private int run(List<Asked> stages, Request request) throws IOException, InterruptedException {
    PrintWriter terminal = spec.commandLine().getOut();
    ResultTable table = new ResultTable();
    boolean failed = false;
    for (Asked asked : stages) {
      String word = asked.name.word();
      int limit = seconds == null ? asked.name.seconds : seconds;
      try (StageReport report = new StageReport(word, limit, request.folder(), terminal)) {
        asked.stage.run(request, report);
        if (report.isEmpty()) {
          report.add(new Finding(word, Verdict.FAILED, "no check has a name like --only", 0));
        }
        report.write(request);
        table.add(report.rows());
        failed |= report.hasFailed();
      }
      terminal.println();
    }
    terminal.print(table.print());
    terminal.println(failed ? "not proved: see what failed above" : "proved");
    terminal.flush();
    return failed ? 1 : 0;
  }

  /** Reads the stages; {@code bccd} is followed by its folder. */
  private List<Asked> stages() {
    List<Asked> stages = new ArrayList<>();
    Iterator<String> rest = (words.isEmpty() ? List.of("right", "fast") : words).iterator();
    while (rest.hasNext()) {
      Name name = name(rest.next());
      stages.add(
          new Asked(
              name,
              switch (name) {
                case RIGHT -> new RightStage();
                case FAST -> new FastStage();
                case WHERE -> new WhereStage();
                case SANITIZE -> new SanitizeStage();
                case NCCL -> new NcclStage();
                case BCCD -> new BccdStage(data(rest));
              }));
    }
    return stages;
  }

  private Name name(String word) {
    return Arrays.stream(Name.values())
        .filter(name -> name.word().equals(word))
        .findFirst()
        .orElseThrow(() -> wrong("unknown stage '" + word + "'"));
  }

  private Path data(Iterator<String> rest) {
    if (!rest.hasNext()) {
      throw wrong("bccd takes the folder of its data: prove bccd DATA");
    }
    Path data = Path.of(rest.next());
    if (!Files.isDirectory(data)) {
      throw wrong("bccd: there is no folder " + data);
    }
    return data.toAbsolutePath();
  }

  private Request request(Path folder) {
    if (seconds != null && seconds < 1) {
      throw wrong("--seconds is 1 or more");
    }
    if (warmUps < 0 || runs < 0) {
      throw wrong("--warm-ups and --runs are 0 or more");
    }
    if (!Models.names().contains(model)) {
      throw wrong("--model: unknown model '" + model + "'");
    }
    if (python != null && !Files.isExecutable(python)) {
      throw wrong("--python: " + python + " is no program");
    }
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw wrong("--out: " + folder + " is no folder");
    }
    return new Request(
        measured.device(),
        model,
        measured.size(),
        measured.batches(),
        new Workload.Effort(warmUps, runs),
        only,
        Optional.ofNullable(python).map(Path::toAbsolutePath),
        folder);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
