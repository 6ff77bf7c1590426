package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Runs Cocoli and its peers on the same work, in turn. Each side is a process of its own that waits
 * while the other computes; a peer's process lives only as long as it is measured. Nothing is timed
 * before both sides have been checked to compute the same result.
 */
final class Comparison {
  /**
   * Large enough that the second step's losses show whether the first update was the same (the sum
   * falls by some percent), and small enough that a long run does not diverge.
   */
  private static final String LEARNING_RATE = "0.0001";

  private static final int CHECKED_STEPS = 2;

  private final Work work;
  private final Path folder;
  private final Precision precision;
  private final PythonPeers python;
  private final Consumer<String> progress;

  /**
   * Prepares comparisons of one work.
   *
   * @param work the work
   * @param folder the folder of weights and images
   * @param precision Cocoli's precision
   * @param python runs the peers
   * @param progress receives a message about each part
   */
  Comparison(
      Work work, Path folder, Precision precision, PythonPeers python, Consumer<String> progress) {
    this.work = work;
    this.folder = folder;
    this.precision = precision;
    this.python = python;
    this.progress = progress;
  }

  /** Writes weights and images, and the exported detector if a peer needs it. */
  void prepare(List<Peer> peers, List<Task> tasks) throws IOException {
    progress.accept("weights and images");
    work.write(folder);
    String where = folder.toString();
    Commands.run("prepare", python.command("prepare", "--folder", where), Map.of(), folder);
    if (peers.contains(Peer.ONNX_RUNTIME)
        && tasks.stream().anyMatch(task -> Peer.ONNX_RUNTIME.does(task, work.batch()))) {
      progress.accept("export for ONNX Runtime");
      Commands.run("export", python.command("export", "--folder", where), Map.of(), folder);
    }
  }

  /** Measures Cocoli and each peer. */
  List<Row> compare(Task task, List<Peer> peers, int warmUps, int rounds) throws IOException {
    if (task == Task.TRAIN) {
      checkTraining(peers);
    }
    List<Row> rows = new ArrayList<>();
    try (WorkerProcess ours = cocoli(task, Work.Samplers.USUAL)) {
      for (Peer peer : peers) {
        try (WorkerProcess theirs = peer(peer, task, Work.Samplers.USUAL)) {
          rows.add(beside(task, peer, ours, theirs, warmUps, rounds));
        }
      }
    }
    return rows;
  }

  private Row beside(
      Task task, Peer peer, WorkerProcess ours, WorkerProcess theirs, int warmUps, int rounds) {
    String title = task.title() + " beside " + peer.word();
    progress.accept(title + ": warming up");
    for (int i = 0; i < warmUps; i++) {
      ours.run();
      theirs.run();
    }
    if (task == Task.DETECT) {
      Tolerance tolerance = Tolerance.of(precision, peer.precision());
      require(title, ours.result(), theirs.result(), tolerance);
    }
    List<Double> ourSeconds = new ArrayList<>();
    List<Double> theirSeconds = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      ourSeconds.add(ours.run());
      theirSeconds.add(theirs.run());
      progress.accept(
          String.format(
              Locale.ROOT,
              "%s: round %d of %d, %.3f s and %.3f s",
              title,
              i + 1,
              rounds,
              ourSeconds.getLast(),
              theirSeconds.getLast()));
    }
    return new Row(
        task.title(),
        precision,
        peer.word(),
        peer.precision(),
        ourSeconds,
        theirSeconds,
        ours.peakBytes(),
        theirs.peakBytes());
  }

  /**
   * Checks training in processes of its own, because training on every candidate takes more memory.
   */
  private void checkTraining(List<Peer> peers) throws IOException {
    progress.accept("training step: do both compute the same losses?");
    List<Found> ours;
    try (WorkerProcess worker = cocoli(Task.TRAIN, Work.Samplers.EXHAUSTIVE)) {
      ours = steps(worker);
    }
    for (Peer peer : peers) {
      try (WorkerProcess worker = peer(peer, Task.TRAIN, Work.Samplers.EXHAUSTIVE)) {
        List<Found> theirs = steps(worker);
        for (int i = 0; i < CHECKED_STEPS; i++) {
          String title = "step " + (i + 1) + " of training beside " + peer.word();
          progress.accept(title + ": " + ours.get(i).losses() + ", " + theirs.get(i).losses());
          Tolerance tolerance = Tolerance.of(precision, peer.precision());
          require(title, ours.get(i), theirs.get(i), i == 0 ? tolerance : tolerance.afterUpdate());
        }
      }
    }
  }

  private static List<Found> steps(WorkerProcess worker) {
    List<Found> found = new ArrayList<>();
    for (int i = 0; i < CHECKED_STEPS; i++) {
      worker.run();
      found.add(worker.result());
    }
    return found;
  }

  private static void require(String title, Found ours, Found theirs, Tolerance tolerance) {
    Optional<String> difference = Agreement.difference(ours, theirs, tolerance);
    if (difference.isPresent()) {
      throw new ComparisonException(title + " would compare different work: " + difference.get());
    }
  }

  private WorkerProcess cocoli(Task task, Work.Samplers samplers) throws IOException {
    return cocoli(task, samplers, Map.of(), progress);
  }

  private WorkerProcess cocoli(
      Task task,
      Work.Samplers samplers,
      Map<String, String> environment,
      Consumer<String> otherLines)
      throws IOException {
    return WorkerProcess.start(
        "cocoli",
        Commands.java(
            work.threads(),
            CocoliWorker.class,
            folder.toString(),
            task.word(),
            word(samplers),
            precision.toString(),
            LEARNING_RATE),
        environment,
        folder,
        otherLines);
  }

  private WorkerProcess peer(Peer peer, Task task, Work.Samplers samplers) throws IOException {
    return WorkerProcess.start(
        peer.word(),
        python.command(
            "worker",
            "--folder",
            folder.toString(),
            "--task",
            task.word(),
            "--peer",
            peer.word(),
            "--samplers",
            word(samplers),
            "--learning-rate",
            LEARNING_RATE),
        Map.of("OMP_NUM_THREADS", Integer.toString(work.threads())),
        folder,
        progress);
  }

  private static String word(Work.Samplers samplers) {
    return samplers.name().toLowerCase(Locale.ROOT);
  }

  /** Measures the parts of Cocoli's time, and the bare primitives. */
  List<Share> shares(List<Task> tasks, int warmUps, int rounds) throws IOException {
    progress.accept("bare oneDNN primitives");
    JsonNode floor =
        new ObjectMapper()
            .readTree(
                Commands.run(
                    "floor",
                    Commands.java(
                        work.threads(), FloorWorker.class, folder.toString(), precision.toString()),
                    Map.of(),
                    folder));
    double detection = floor.get("forward").asDouble() + floor.get("box_head_detection").asDouble();
    double training =
        floor.get("forward").asDouble()
            + floor.get("backward_data").asDouble()
            + floor.get("backward_weight").asDouble()
            + floor.get("box_head_training").asDouble();
    List<Share> shares = new ArrayList<>();
    for (Task task : tasks) {
      shares.add(share(task, task == Task.DETECT ? detection : training, warmUps, rounds));
    }
    return shares;
  }

  /** Returns the run whose own part is the median. */
  private Share share(Task task, double floor, int warmUps, int rounds) throws IOException {
    progress.accept(task.title() + ": the engine's own share");
    OneDnnProfile profile = new OneDnnProfile();
    Map<String, String> verbose = Map.of("ONEDNN_VERBOSE", "profile_exec");
    List<Share> all = new ArrayList<>();
    try (WorkerProcess worker = cocoli(task, Work.Samplers.USUAL, verbose, profile::accept)) {
      for (int i = 0; i < warmUps + rounds; i++) {
        profile.clear();
        double seconds = worker.run();
        if (i >= warmUps) {
          all.add(
              new Share(
                  task.title(), precision, seconds, profile.total(), profile.byKind(), floor));
        }
      }
    }
    all.sort((a, b) -> Double.compare(a.own(), b.own()));
    return all.get(all.size() / 2);
  }
}
