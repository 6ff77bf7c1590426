package dev.cocoli.bundle.prove;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.bundle.prove.Workload.Graphs;
import dev.cocoli.bundle.prove.Workload.Multiplication;
import dev.cocoli.bundle.prove.Workload.Task;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import dev.cocoli.nn.Norm;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Times of training and detection, by batch, precision and graphs, and beside torchvision where
 * Python has it. What is most wanted comes first.
 */
final class FastStage implements Stage {
  private static final int TIME_SECONDS = 60;
  private static final int COMPARE_SECONDS = 120;
  private static final int PYTHON_SECONDS = 60;
  private static final String BESIDE = "beside torchvision";
  private static final String ROOT = "cocoli.root";
  private static final String SCRIPT = "/dev/cocoli/bundle/python/peers.py";

  /**
   * A comparison with torchvision under autocast.
   *
   * @param warmUps untimed runs on both sides
   * @param rounds timed runs on both sides, in turn
   */
  private record Peering(Task task, int batch, int warmUps, int rounds) {
    String word() {
      return task.name().toLowerCase(Locale.ROOT);
    }

    String name() {
      return BESIDE + ": " + word() + " " + batch + " bf16";
    }
  }

  @Override
  public void run(Request request, StageReport report) throws IOException, InterruptedException {
    List<Check> checks = checks(request);
    List<Check> first = checks.stream().filter(check -> isFirst(check, request)).toList();
    new CheckRun(Launch.PLAIN, report).run(first);
    compare(request, report);
    new CheckRun(Launch.PLAIN, report)
        .run(checks.stream().filter(check -> !first.contains(check)).toList());
  }

  private static boolean isFirst(Check check, Request request) {
    String largest = "train " + request.batches().getLast();
    String smallest = "detect " + request.batches().getFirst();
    return check.name().equals(largest + " bf16") || check.name().startsWith(smallest + " bf16");
  }

  private static List<Check> checks(Request request) {
    List<Check> checks = new ArrayList<>();
    List<Multiplication> numbers = new ArrayList<>(List.of(Multiplication.BF16));
    List<Graphs> graphs = new ArrayList<>(List.of(Graphs.OFF));
    if (request.isGpu()) {
      numbers.add(Multiplication.TF32);
      graphs.add(Graphs.ON);
    }
    numbers.add(Multiplication.FP32);
    for (Multiplication number : numbers) {
      for (int batch : request.batches()) {
        checks.add(check(request, Task.TRAIN, batch, number, Graphs.OFF));
        for (Graphs use : graphs) {
          checks.add(check(request, Task.DETECT, batch, number, use));
        }
      }
    }
    return checks.stream().filter(check -> request.wants(check.name())).toList();
  }

  private static Check check(
      Request request, Task task, int batch, Multiplication number, Graphs graphs) {
    Workload work =
        new Workload(
            task,
            batch,
            number,
            Norm.Type.BATCH,
            graphs,
            request.device().toString(),
            request.model(),
            request.size(),
            request.effort());
    return new Check(work.title(), work.words("time"), TIME_SECONDS);
  }

  /** Compares with torchvision, in turn on the same device. */
  private static void compare(Request request, StageReport report)
      throws IOException, InterruptedException {
    int largest = request.batches().getLast();
    int smallest = request.batches().getFirst();
    List<Peering> all =
        Stream.of(
                new Peering(Task.TRAIN, largest, 12, 5),
                new Peering(Task.DETECT, smallest, 200, 20))
            .filter(one -> request.wants(one.name()))
            .toList();
    if (all.isEmpty()) {
      return;
    }
    Optional<Path> python = request.python().or(FastStage::python);
    if (python.isEmpty()) {
      report.add(new Finding(BESIDE, Verdict.NOTED, "there is no python3", 0));
      return;
    }
    List<String> probe =
        List.of(
            python.get().toString(),
            "-c",
            "import numpy, torch, torchvision; print('torch', torch.__version__, 'torchvision',"
                + " torchvision.__version__, 'cuDNN', torch.backends.cudnn.version())");
    Ran ran = Ran.run(probe, Map.of(), PYTHON_SECONDS, report, line -> {});
    if (ran.problem().isPresent()) {
      Verdict verdict = request.python().isPresent() ? Verdict.FAILED : Verdict.NOTED;
      String detail = python.get() + ": " + ran.problem().get();
      report.add(new Finding(BESIDE, verdict, detail, ran.seconds()));
      return;
    }
    for (Peering one : all) {
      beside(one, request, report, python.get());
    }
  }

  private static Optional<Path> python() {
    String environment = System.getenv("VIRTUAL_ENV");
    return Optional.ofNullable(environment)
        .map(folder -> Path.of(folder, "bin", "python"))
        .filter(Files::isExecutable)
        .or(() -> Program.find("python3"));
  }

  private static void beside(Peering one, Request request, StageReport report, Path python)
      throws IOException, InterruptedException {
    String name = one.name();
    String word = one.word();
    if (report.secondsLeft() <= 0) {
      report.add(report.leftOut(name));
      return;
    }
    Path json = request.folder().resolve("torchvision-" + word + ".json");
    List<String> arguments =
        List.of(
            "--python", python.toString(),
            "--device", request.device().toString(),
            "--model", request.model(),
            "--size", request.size().toString(),
            "--batch", Integer.toString(one.batch),
            "--only", word,
            "--precision", "bf16",
            "--peers", "torchvision-bf16",
            "--warm-ups", Integer.toString(request.isGpu() ? one.warmUps : 1),
            "--rounds", Integer.toString(request.isGpu() ? one.rounds : 1),
            "--json", json.toString());
    List<String> command =
        Launch.PLAIN
            .with(ROOT + "=" + root(request))
            .command("dev.cocoli.benchmarks.compare.CompareCommand", arguments);
    Ran ran = Ran.run(command, Map.of(), COMPARE_SECONDS, report, line -> {});
    report.add(ran.problem().isPresent() ? ran.failed(name) : read(name, json, ran.seconds()));
  }

  /** The folder in which a comparison finds its script. */
  private static Path root(Request request) throws IOException {
    if (System.getProperty(ROOT) != null) {
      return Path.of(System.getProperty(ROOT));
    }
    Path root = request.folder().resolve("torchvision");
    Path script = root.resolve("benchmarks/src/main/python/peers.py");
    Files.createDirectories(script.getParent());
    try (InputStream in = FastStage.class.getResourceAsStream(SCRIPT)) {
      Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
    }
    return root;
  }

  private static Finding read(String name, Path json, double seconds) throws IOException {
    JsonNode row = new ObjectMapper().readTree(json.toFile()).get("comparisons").get(0);
    double ours = 1e3 * row.get("seconds").asDouble();
    double theirs = 1e3 * row.get("peer_seconds").asDouble();
    double ratio = row.get("ratio").asDouble();
    return new Finding(
        name,
        Verdict.NOTED,
        String.format(
            Locale.ROOT, "%.2f ms beside Cocoli's %.2f ms: %.2f times", theirs, ours, ratio),
        seconds,
        Map.of("milliseconds", ours, "peer_milliseconds", theirs, "ratio", ratio));
  }
}
