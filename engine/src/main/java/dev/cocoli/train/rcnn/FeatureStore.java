package dev.cocoli.train.rcnn;

import dev.cocoli.files.Folder;
import dev.cocoli.files.OutputFile;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.train.TrainingException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Keeps what the fine-tuned network says of the regions of each training image, a file an image, so
 * that a stopped run does not compute it again; and what the later stages found. All of it belongs
 * to one step of the fine-tuning, and goes when the last stage is done.
 */
public final class FeatureStore {
  private static final String FEATURES = "features";
  private static final String REGIONS = "regions";
  private static final String BOXES = "boxes";
  private static final String LABELS = "labels";

  private final Path folder;

  /**
   * Prepares; nothing is read or written yet.
   *
   * @param run the run folder
   * @param step of the fine-tuning that the network is at
   */
  public FeatureStore(Path run, long step) {
    folder = run.resolve("features-" + step);
  }

  private Path file(int image) {
    return folder.resolve(String.format(Locale.ROOT, "%06d.safetensors", image));
  }

  private Path stage(String name) {
    return folder.resolve(name + ".safetensors");
  }

  boolean has(int image) {
    return Files.exists(file(image));
  }

  /** Writes an image's features; whole or not at all. */
  void write(int image, ImageFeatures features) {
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
    int regions = features.regions().size();
    entries.put(REGIONS, entry(corners(features.regions()), regions, 4));
    entries.put(FEATURES, entry(features.values(), regions, features.width()));
    List<Box> objects = features.target().boxes();
    entries.put(BOXES, entry(corners(objects), objects.size(), 4));
    int[] labels = features.target().labels();
    entries.put(
        LABELS,
        new Safetensors.Entry(DType.I32, Shape.of(labels.length), MemorySegment.ofArray(labels)));
    write(file(image), entries);
  }

  /** Reads an image's features; nothing for one that could not be decoded. */
  Optional<ImageFeatures> read(int image) {
    if (!has(image)) {
      return Optional.empty();
    }
    try (Safetensors file = Safetensors.open(file(image))) {
      file.requireIntact();
      int[] labels = entry(file, LABELS, DType.I32).data().toArray(ValueLayout.JAVA_INT_UNALIGNED);
      Target target = new Target(boxes(floats(file, BOXES)), labels);
      int width = Math.toIntExact(entry(file, FEATURES, DType.F32).shape().dim(1));
      List<Box> regions = boxes(floats(file, REGIONS));
      ImageFeatures features = new ImageFeatures(target, regions, width, floats(file, FEATURES));
      file.requireWhole();
      return Optional.of(features);
    } catch (InternalError | IOException | RuntimeException e) {
      throw unusable(file(image), e);
    }
  }

  private static float[] floats(Safetensors file, String name) throws IOException {
    return entry(file, name, DType.F32).data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  private static Safetensors.Entry entry(Safetensors file, String name, DType type)
      throws IOException {
    Safetensors.Entry entry = file.entries().get(name);
    if (entry == null || entry.dtype() != type) {
      throw new IOException("has no " + name + " of type " + type);
    }
    return entry;
  }

  private static List<Box> boxes(float[] corners) {
    List<Box> boxes = new ArrayList<>(corners.length / 4);
    for (int i = 0; i < corners.length; i += 4) {
      boxes.add(new Box(corners[i], corners[i + 1], corners[i + 2], corners[i + 3]));
    }
    return boxes;
  }

  private static float[] corners(List<Box> boxes) {
    float[] corners = new float[4 * boxes.size()];
    int at = 0;
    for (Box box : boxes) {
      corners[at++] = box.x1();
      corners[at++] = box.y1();
      corners[at++] = box.x2();
      corners[at++] = box.y2();
    }
    return corners;
  }

  /** Writes what a stage found. */
  void writeStage(String name, LinearModels found) {
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
    int outputs = found.bias().length;
    entries.put("weight", entry(found.weight(), outputs, found.weight().length / outputs));
    entries.put("bias", entry(found.bias(), outputs));
    write(stage(name), entries);
  }

  /** Reads what a stage found; nothing if it was not done. */
  Optional<LinearModels> readStage(String name) {
    if (!Files.exists(stage(name))) {
      return Optional.empty();
    }
    try (Safetensors file = Safetensors.open(stage(name))) {
      file.requireIntact();
      LinearModels found = new LinearModels(floats(file, "weight"), floats(file, "bias"));
      file.requireWhole();
      return Optional.of(found);
    } catch (InternalError | IOException | RuntimeException e) {
      throw unusable(stage(name), e);
    }
  }

  /** An error of the JVM means that a page of the mapped file is gone. */
  private static TrainingException unusable(Path file, Throwable e) {
    String said = String.valueOf(e.getMessage());
    String reason =
        e instanceof InternalError
            ? file + ": was cut while it was read"
            : said.contains(file.toString()) ? said : file + ": " + said;
    return new TrainingException(reason + "; delete it and resume the run", e);
  }

  private static Safetensors.Entry entry(float[] values, long... dims) {
    return new Safetensors.Entry(DType.F32, Shape.of(dims), MemorySegment.ofArray(values));
  }

  private void write(Path file, Map<String, Safetensors.Entry> entries) {
    try {
      Files.createDirectories(folder);
      OutputFile.replace(
          List.of(
              new OutputFile.Replacement(
                  file, temporary -> Safetensors.write(temporary, Map.of(), entries))));
    } catch (IOException e) {
      throw new TrainingException(
          "cannot write %s: %s; make room and resume the run".formatted(file, OutputFile.reason(e)),
          e);
    }
  }

  /** Removes all. */
  public void delete() {
    try {
      Folder.delete(folder);
    } catch (IOException e) {
      throw new TrainingException("cannot remove " + folder + ": " + OutputFile.reason(e), e);
    }
  }
}
