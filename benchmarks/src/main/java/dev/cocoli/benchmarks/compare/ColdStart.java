package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.benchmarks.SyntheticModel;
import dev.cocoli.data.image.Image;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import javax.imageio.ImageIO;

/**
 * Measures the detection on one small image from the shell, from the start of the process to the
 * results in a file: {@code ./cocoli detect} beside a small script with torchvision. Both have run
 * once before, so that files are in the page cache and Cocoli's archive of classes exists.
 */
final class ColdStart {
  private final Work work;
  private final Path folder;
  private final Path root;
  private final PythonPeers python;
  private final Consumer<String> progress;

  /**
   * Prepares the comparison.
   *
   * @param work one small image
   * @param folder the folder of weights and image, made by {@link Comparison#prepare}
   * @param root the folder of {@code ./cocoli}
   * @param python runs the script
   * @param progress receives a message about each part
   */
  ColdStart(Work work, Path folder, Path root, PythonPeers python, Consumer<String> progress) {
    this.work = work;
    this.folder = folder;
    this.root = root;
    this.python = python;
    this.progress = progress;
  }

  Row compare(int rounds) throws IOException {
    Path image = image();
    Path ourJson = folder.resolve("cold-cocoli.json");
    Path theirJson = folder.resolve("cold-python.json");
    String shorter = Integer.toString(Math.min(work.size().height(), work.size().width()));
    String longer = Integer.toString(Math.max(work.size().height(), work.size().width()));
    String weights = folder.resolve(Work.WEIGHTS).toString();
    List<String> ours =
        List.of(
            root.resolve("cocoli").toString(),
            "detect",
            "--weights",
            weights,
            "--model",
            work.model(),
            "--classes",
            Integer.toString(SyntheticModel.CLASSES),
            "--min-size",
            shorter,
            "--max-size",
            longer,
            "--json",
            ourJson.toString(),
            image.toString());
    List<String> theirs =
        python.command(
            "detect",
            "--weights",
            weights,
            "--image",
            image.toString(),
            "--model",
            work.model(),
            "--classes",
            Integer.toString(SyntheticModel.CLASSES + 1),
            "--min-size",
            shorter,
            "--max-size",
            longer,
            "--threads",
            Integer.toString(work.threads()),
            "--json",
            theirJson.toString());
    progress.accept("cold start: once before");
    time("cold-cocoli", ours);
    time("cold-python", theirs);
    Optional<String> difference =
        Agreement.difference(
            ofCoco(ourJson),
            Found.of(new ObjectMapper().readTree(theirJson.toFile())),
            Tolerance.of(Precision.FP32));
    if (difference.isPresent()) {
      throw new ComparisonException(
          "the cold start would compare different work: " + difference.get());
    }
    List<Double> ourSeconds = new ArrayList<>();
    List<Double> theirSeconds = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      progress.accept("cold start: round " + (i + 1) + " of " + rounds);
      ourSeconds.add(time("cold-cocoli", ours));
      theirSeconds.add(time("cold-python", theirs));
    }
    return new Row(
        "cold start, " + work.size(),
        Precision.FP32,
        "python, torchvision",
        Precision.FP32,
        ourSeconds,
        theirSeconds,
        0,
        0);
  }

  private double time(String name, List<String> command) throws IOException {
    String threads = Integer.toString(work.threads());
    Map<String, String> environment =
        Map.of("COCOLI_JAVA_OPTS", "-Dcocoli.threads=" + threads, "OMP_NUM_THREADS", threads);
    long began = System.nanoTime();
    Commands.run(name, command, environment, folder);
    return (System.nanoTime() - began) / 1e9;
  }

  private Path image() throws IOException {
    Path path = folder.resolve("image.png");
    try (Safetensors inputs = Safetensors.open(folder.resolve(Work.INPUTS))) {
      Safetensors.Entry entry = inputs.entries().get("image.0");
      byte[] rgb = entry.data().toArray(ValueLayout.JAVA_BYTE);
      try (Image image = Image.of(work.size().height(), work.size().width(), rgb)) {
        ImageIO.write(image.toBufferedImage(), "png", path.toFile());
      }
    }
    return path;
  }

  /** Reads COCO results of one image, whose boxes are corner and extent. */
  private static Found ofCoco(Path file) throws IOException {
    List<Detection> found = new ArrayList<>();
    for (JsonNode one : new ObjectMapper().readTree(file.toFile())) {
      JsonNode box = one.get("bbox");
      float x = (float) box.get(0).asDouble();
      float y = (float) box.get(1).asDouble();
      found.add(
          new Detection(
              new Box(x, y, x + (float) box.get(2).asDouble(), y + (float) box.get(3).asDouble()),
              one.get("category_id").asInt(),
              (float) one.get("score").asDouble()));
    }
    return new Found(List.of(found), Map.of());
  }
}
