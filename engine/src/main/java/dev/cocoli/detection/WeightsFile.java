package dev.cocoli.detection;

import static java.util.stream.Collectors.toSet;

import dev.cocoli.backend.Backend;
import dev.cocoli.files.OutputFile;
import dev.cocoli.files.TemporaryCopy;
import dev.cocoli.nn.KeyNames;
import dev.cocoli.nn.Module;
import dev.cocoli.nn.Parameter;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.nn.weights.TensorFile;
import dev.cocoli.structures.Count;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A file with a detector's weights under torchvision's keys: one that training here wrote, which
 * says what model it is for; a bare one of torchvision's; or one of a torchvision classifier, whose
 * backbone a detector can start from. It is safetensors, or what {@code torch.save} wrote of a
 * state dict; {@link TensorFile} recognises it by its content.
 */
public final class WeightsFile implements AutoCloseable {
  /** The model whose weights for COCO torchvision publishes, and the number of their classes. */
  private static final String COCO_MODEL = "fasterrcnn_resnet50_fpn";

  private static final int COCO_CLASSES = 91;

  private final Path path;
  private final TensorFile file;
  private final Optional<TemporaryCopy> copy;

  private WeightsFile(Path path, TensorFile file, Optional<TemporaryCopy> copy) {
    this.path = path;
    this.file = file;
    this.copy = copy;
  }

  /**
   * Opens a file, which may lie in a file system of any kind, such as a zip's.
   *
   * @param path the file
   * @return the open file
   * @throws IOException if it cannot be read or is damaged
   */
  public static WeightsFile open(Path path) throws IOException {
    if (path.getFileSystem().equals(FileSystems.getDefault())) {
      return new WeightsFile(path, TensorFile.open(path), Optional.empty());
    }
    try (InputStream in = Files.newInputStream(path)) {
      return open(in, path);
    } catch (NoSuchFileException e) {
      throw new IOException(path + ": no such file", e);
    }
  }

  /**
   * Opens what a stream delivers. It is copied to a temporary file, because weights are mapped into
   * memory; {@link #close} deletes that.
   *
   * @param in the bytes of a weights file, read to their end; not closed
   * @param name what messages call it
   * @return the open file
   * @throws IOException if it cannot be read or is damaged, or the temporary directory is full
   */
  public static WeightsFile open(InputStream in, Path name) throws IOException {
    TemporaryCopy copy = TemporaryCopy.of(in);
    try {
      return new WeightsFile(name, TensorFile.open(copy.path()), Optional.of(copy));
    } catch (IOException | RuntimeException | Error e) {
      copy.close();
      String message = String.valueOf(e.getMessage());
      if (e instanceof IOException && message.contains(copy.path().toString())) {
        throw new IOException(message.replace(copy.path().toString(), name.toString()), e);
      }
      throw e;
    }
  }

  /** {@return the file, or what messages call it} */
  public Path path() {
    return path;
  }

  /** {@return the name of the model that the file is for; nothing for bare weights} */
  public Optional<String> modelName() {
    return Optional.ofNullable(file.metadata().get(ModelSpec.NAME_KEY));
  }

  /**
   * {@return what the file says of its model; nothing for bare weights}
   *
   * @throws IOException if what it says is damaged, or the model is none of this library's
   */
  public Optional<ModelSpec> spec() throws IOException {
    return spec(Optional.empty());
  }

  /**
   * {@return what the file says of a model that has a builder of its own; nothing for bare weights}
   *
   * @param builder builds the model
   * @throws IOException if what it says is damaged
   */
  public Optional<ModelSpec> spec(ModelBuilder builder) throws IOException {
    return spec(Optional.of(builder));
  }

  private Optional<ModelSpec> spec(Optional<ModelBuilder> builder) throws IOException {
    try {
      return ModelSpec.fromMetadata(file.metadata(), builder);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  /** {@return whether these are weights of one of torchvision's classifiers, not of a detector} */
  public boolean isClassifier() {
    Set<String> firstLayers = Set.of("conv1.weight", "features.0.weight");
    Set<String> keys = KeyNames.withoutWrappers(file.entries(), firstLayers::contains).keySet();
    return keys.containsAll(Set.of("conv1.weight", "fc.weight"))
        || keys.containsAll(Set.of("features.0.weight", "classifier.0.weight"));
  }

  /**
   * {@return a model with the hyper-parameters with which torchvision builds it for these weights;
   * the model as it is if the file describes its own}
   *
   * <p>With weights, {@code fasterrcnn_resnet50_fpn} trains the last three layers of the backbone.
   * Its normalisations are fixed, and add nothing to the variances if the weights are torchvision's
   * for COCO ({@code overwrite_eps}): those were trained so. torchvision knows them by the name of
   * the download; here they are known by their shapes, because people rename and convert the file:
   * the 91 classes of torchvision's COCO, and normalisations that were fixed in training, which do
   * not count batches.
   *
   * @param model the model
   */
  public ModelSpec asTorchvisionBuilds(ModelSpec model) {
    if (modelName().isPresent() || !Models.names().contains(model.model())) {
      return model;
    }
    int layers = Models.pretrainedDefaults(model.model()).backbone().trainableBackboneLayers();
    boolean coco = model.model().equals(COCO_MODEL) && isOfTorchvisionsCoco(model);
    ModelSpec trained =
        model.withConfig(c -> c.withBackbone(b -> b.withTrainableBackboneLayers(layers)));
    return coco ? trained.withConfig(c -> c.withBackbone(b -> b.withBatchNormEps(0))) : trained;
  }

  private boolean isOfTorchvisionsCoco(ModelSpec model) {
    boolean countsBatches =
        file.entries().keySet().stream().anyMatch(key -> key.endsWith("num_batches_tracked"));
    return !countsBatches
        && StateDict.classes(model.build(), file.entries()).orElse(0) == COCO_CLASSES;
  }

  /**
   * {@return how many classes the file has, without the background; 0 if that cannot be seen}
   *
   * @param model a model of its kind, with any classes
   */
  public int classCount(DetectionModel model) {
    return Math.max(0, StateDict.classes(model, file.entries()).orElse(0) - 1);
  }

  /**
   * {@return whether these are weights of a classifier that a detector may start from:
   * torchvision's, or one with all layers of the detector's {@link DetectionModel#pretrained} part}
   *
   * @param model the detector
   */
  public boolean isClassifierFor(DetectionModel model) {
    return isClassifier()
        || model
            .pretrained()
            .filter(body -> plain(body).keySet().containsAll(body.namedParameters().keySet()))
            .isPresent();
  }

  /**
   * Sets the weights of a whole detector.
   *
   * @param model the detector, with memory
   * @param backend where that lies
   * @throws IOException if the keys or shapes do not fit, or the file's checksum; the message names
   *     them
   */
  public void load(DetectionModel model, Backend backend) throws IOException {
    requireIntact();
    load(model, backend, file.entries());
  }

  /**
   * Sets the weights of a detector whose classes may be others than the file's. The rows of classes
   * that both have are copied, by name, with the background's; the other rows that belong to a
   * class keep the values that were drawn. All else is taken, as strictly as by {@link #load}.
   *
   * @param model the detector, with memory and drawn weights
   * @param backend where that lies
   * @param classNames the detector's classes
   * @param fileClasses those of the file, if its metadata do not name them; without names, the file
   *     has the same classes if it has as many
   * @return what was taken, and what is new
   * @throws IOException if the keys or shapes do not fit, or the file's checksum; the message names
   *     them
   */
  public TransferReport transfer(
      DetectionModel model,
      Backend backend,
      List<String> classNames,
      Optional<List<String>> fileClasses)
      throws IOException {
    int count = classCount(model);
    if (fileClasses.isPresent() && count > 0 && fileClasses.get().size() != count) {
      throw new IOException(
          "%s has %s, not the %d that were named"
              .formatted(path, new Count(count, "class"), fileClasses.get().size()));
    }
    boolean same =
        fileClasses.map(classNames::equals).orElse(count == classNames.size()) || count == 0;
    int arrays = model.namedParameters().size();
    if (same) {
      load(model, backend);
      return new TransferReport(path, arrays, List.of(), classNames, List.of(), count, fileClasses);
    }
    requireIntact();
    int[] labels = labels(classNames, fileClasses.orElse(List.of()));
    List<String> shared = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (int label = 1; label < labels.length; label++) {
      (labels[label] > 0 ? shared : others).add(classNames.get(label - 1));
    }
    List<String> renewed =
        reading(() -> StateDict.transfer(model, backend, file.entries(), labels, count + 1));
    return new TransferReport(path, arrays, renewed, shared, others, count, fileClasses);
  }

  /** For each label of the model, the file's label of the class of that name, or -1. */
  private static int[] labels(List<String> names, List<String> fileNames) {
    int[] labels = new int[names.size() + 1];
    Arrays.fill(labels, -1);
    for (int i = 0; i < names.size(); i++) {
      int found = fileNames.indexOf(names.get(i));
      if (found >= 0 && found == fileNames.lastIndexOf(names.get(i))) { // not torchvision's N/A
        labels[i + 1] = found + 1;
        labels[0] = 0;
      }
    }
    return labels;
  }

  /**
   * Sets the weights of a detector's backbone to a classifier's, and with VGG-16 those of the two
   * fully connected layers where they are as wide; all else stays as it is. The classifier's own
   * last layers, whose names begin unlike any of the backbone's, are left out.
   *
   * @param model the detector, with memory
   * @param backend where that lies
   * @throws IOException if the keys or shapes do not fit, or the file's checksum; the message names
   *     them
   */
  public void loadBackbone(DetectionModel model, Backend backend) throws IOException {
    requireIntact();
    Module body =
        model
            .pretrained()
            .orElseThrow(
                () ->
                    new IOException(
                        path + " is of a classifier, from which this model cannot start"));
    Map<String, Safetensors.Entry> entries = plain(body);
    Set<String> known = body.namedParameters().keySet();
    Set<String> beginnings = known.stream().map(WeightsFile::beginning).collect(toSet());
    beginnings.remove("classifier"); // of VGG's three layers the first two may have a place
    entries.keySet().removeIf(key -> !known.contains(key) && !beginnings.contains(beginning(key)));
    load(body, backend, entries);
    if (model.pretrainedHead().isPresent()) {
      loadHead(model.pretrainedHead().get(), backend);
    }
  }

  /** The arrays under the keys of a classifier's body, without the names of wrappers. */
  private Map<String, Safetensors.Entry> plain(Module body) {
    Set<String> known = body.namedParameters().keySet();
    return new LinkedHashMap<>(KeyNames.withoutWrappers(file.entries(), known::contains));
  }

  private static String beginning(String key) {
    return key.substring(0, Math.max(0, key.indexOf('.')));
  }

  private void loadHead(Module head, Backend backend) throws IOException {
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
    KeyNames.withoutWrappers(file.entries(), "classifier.0.weight"::equals)
        .forEach(
            (key, entry) -> {
              if (key.startsWith("classifier.0.") || key.startsWith("classifier.3.")) {
                entries.put(
                    key.replace("classifier.0.", "fc6.").replace("classifier.3.", "fc7."), entry);
              }
            });
    Map<String, Parameter> parameters = head.namedParameters();
    boolean fits =
        parameters.keySet().equals(entries.keySet())
            && parameters.entrySet().stream()
                .allMatch(
                    named -> entries.get(named.getKey()).shape().equals(named.getValue().shape()));
    if (fits) {
      load(head, backend, entries);
    }
  }

  /**
   * Writes the arrays as safetensors, with the same names, types and bytes.
   *
   * @param to the file, which may be this one; replaced as a whole
   * @throws IOException if it cannot be written; then it is as it was
   */
  public void write(Path to) throws IOException {
    requireIntact();
    write(to, file.metadata(), file.entries());
  }

  /** Replaces a file as a whole: it may be the one that the arrays are read from. */
  private static void write(
      Path to, Map<String, String> metadata, Map<String, Safetensors.Entry> entries)
      throws IOException {
    OutputFile.Content content = temporary -> Safetensors.write(temporary, metadata, entries);
    OutputFile.replace(List.of(new OutputFile.Replacement(to, content)));
  }

  /**
   * Writes a whole detector's weights as safetensors, under today's keys, with the description of
   * its model. Types and bytes stay.
   *
   * @param to the file, which may be this one; replaced as a whole
   * @param spec the model
   * @param backend where the model is built, to see whether the weights fit it
   * @throws IOException if the weights do not fit the model, or the file cannot be written
   */
  public void write(Path to, ModelSpec spec, Backend backend) throws IOException {
    DetectionModel model = spec.build();
    try (ParameterArena _ = ParameterArena.forInference(backend, model)) {
      load(model, backend);
    }
    write(to, spec.toMetadata(), KeyNames.of(model, file.entries()));
  }

  private void requireIntact() throws IOException {
    try {
      file.requireIntact();
    } catch (IOException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  private void load(Module module, Backend backend, Map<String, Safetensors.Entry> entries)
      throws IOException {
    reading(
        () -> {
          StateDict.load(module, backend, entries);
          return module;
        });
  }

  /** Reads arrays of the file. */
  private interface Reading<T> {
    T read() throws IOException;
  }

  private <T> T reading(Reading<T> action) throws IOException {
    try {
      T result = action.read();
      file.requireWhole();
      return result;
    } catch (InternalError e) { // of the JVM, if a page of the mapped file is gone
      throw new IOException(path + ": was cut while it was read", e);
    } catch (IOException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    file.close();
    copy.ifPresent(TemporaryCopy::close);
  }
}
