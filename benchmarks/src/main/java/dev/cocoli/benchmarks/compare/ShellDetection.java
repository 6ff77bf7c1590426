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
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * Measures the detection on image files from the shell, from the start of the process to the
 * results in a file: {@code ./cocoli detect} beside a small Python script. Both have run once
 * before, so that files are in the page cache and Cocoli's archive of classes exists.
 */
final class ShellDetection {
  private final Work work;
  private final Path folder;
  private final Path root;
  private final PythonPeers python;
  private final Consumer<String> progress;

  /**
   * Prepares the comparison.
   *
   * @param work as many images as its batch has, detected on one after the other
   * @param folder the folder of weights and images, made by {@link Comparison#prepare}
   * @param root the folder of {@code ./cocoli}
   * @param python runs the script
   * @param progress receives a message about each part
   */
  ShellDetection(Work work, Path folder, Path root, PythonPeers python, Consumer<String> progress) {
    this.work = work;
    this.folder = folder;
    this.root = root;
    this.python = python;
    this.progress = progress;
  }

  /** Measures one image in a PNG file beside a script with torchvision. */
  Row cold(int rounds) throws IOException {
    List<String> images = images("png");
    Path theirJson = folder.resolve("cold-python.json");
    List<String> theirs =
        python.command(
            "detect",
            "--weights",
            folder.resolve(Work.WEIGHTS).toString(),
            "--image",
            images.getFirst(),
            "--model",
            work.model(),
            "--classes",
            Integer.toString(SyntheticModel.CLASSES + 1),
            "--min-size",
            shorter(),
            "--max-size",
            longer(),
            "--threads",
            Integer.toString(work.threads()),
            "--json",
            theirJson.toString());
    return compare("cold start", ours(images), "python, torchvision", theirs, theirJson, rounds);
  }

  /** Measures several images in JPEG files beside a script with ONNX Runtime. */
  Row first(int rounds) throws IOException {
    progress.accept("export for ONNX Runtime");
    Commands.run(
        "export", python.command("export", "--folder", folder.toString()), Map.of(), folder);
    List<String> images = images("jpg");
    Path theirJson = folder.resolve("first-python.json");
    List<String> theirs =
        new ArrayList<>(
            python.command(
                "first",
                "--onnx",
                folder.resolve("model.onnx").toString(),
                "--threads",
                Integer.toString(work.threads()),
                "--json",
                theirJson.toString()));
    theirs.addAll(images);
    List<String> ours = new ArrayList<>(ours(images));
    ours.addAll(List.of("--device", work.device()));
    String task = "first %d images".formatted(images.size());
    return compare(task, ours, "python, onnxruntime", theirs, theirJson, rounds);
  }

  private String shorter() {
    return Integer.toString(Math.min(work.size().height(), work.size().width()));
  }

  private String longer() {
    return Integer.toString(Math.max(work.size().height(), work.size().width()));
  }

  private Path ourJson() {
    return folder.resolve("shell-cocoli.json");
  }

  private List<String> ours(List<String> images) {
    List<String> command =
        List.of(
            root.resolve("cocoli").toString(),
            "detect",
            "--weights",
            folder.resolve(Work.WEIGHTS).toString(),
            "--model",
            work.model(),
            "--classes",
            Integer.toString(SyntheticModel.CLASSES),
            "--min-size",
            shorter(),
            "--max-size",
            longer(),
            "--json",
            ourJson().toString());
    return Stream.concat(command.stream(), images.stream()).toList();
  }

  private Row compare(
      String task, List<String> ours, String peer, List<String> theirs, Path theirJson, int rounds)
      throws IOException {
    progress.accept(task + ": each once before");
    time("shell-cocoli", ours);
    time("shell-python", theirs);
    Optional<String> difference =
        Agreement.difference(
            ofCoco(ourJson()),
            Found.of(new ObjectMapper().readTree(theirJson.toFile())),
            Tolerance.of(Precision.FP32));
    if (difference.isPresent()) {
      throw new ComparisonException(task + " would compare different work: " + difference.get());
    }
    List<Double> ourSeconds = new ArrayList<>();
    List<Double> theirSeconds = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      progress.accept(task + ": round " + (i + 1) + " of " + rounds);
      ourSeconds.add(time("shell-cocoli", ours));
      theirSeconds.add(time("shell-python", theirs));
    }
    return new Row(
        task + ", " + work.size(),
        Precision.FP32,
        peer,
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

  /** Writes the images as files. */
  private List<String> images(String format) throws IOException {
    List<String> files = new ArrayList<>();
    try (Safetensors inputs = Safetensors.open(folder.resolve(Work.INPUTS))) {
      for (int i = 0; i < work.batch(); i++) {
        Path path = folder.resolve("image-" + i + "." + format);
        Safetensors.Entry entry = inputs.entries().get("image." + i);
        byte[] rgb = entry.data().toArray(ValueLayout.JAVA_BYTE);
        try (Image image = Image.of(work.size().height(), work.size().width(), rgb)) {
          ImageIO.write(image.toBufferedImage(), format, path.toFile());
        }
        files.add(path.toString());
      }
    }
    return files;
  }

  /** Reads COCO results of images numbered from 0, whose boxes are corner and extent. */
  private Found ofCoco(Path file) throws IOException {
    List<List<Detection>> found =
        Stream.<List<Detection>>generate(ArrayList::new).limit(work.batch()).toList();
    for (JsonNode one : new ObjectMapper().readTree(file.toFile())) {
      JsonNode box = one.get("bbox");
      float x = (float) box.get(0).asDouble();
      float y = (float) box.get(1).asDouble();
      found
          .get(one.get("image_id").asInt())
          .add(
              new Detection(
                  new Box(
                      x, y, x + (float) box.get(2).asDouble(), y + (float) box.get(3).asDouble()),
                  one.get("category_id").asInt(),
                  (float) one.get("score").asDouble()));
    }
    return new Found(found, Map.of());
  }
}
