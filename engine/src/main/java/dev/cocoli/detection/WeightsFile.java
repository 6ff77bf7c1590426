package dev.cocoli.detection;

import static java.util.stream.Collectors.toSet;

import dev.cocoli.backend.Backend;
import dev.cocoli.nn.Module;
import dev.cocoli.nn.Parameter;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A safetensors file with a detector's weights under torchvision's keys: one that training here
 * wrote, which says what model it is for; a bare one of torchvision's; or one of a torchvision
 * classifier, whose backbone a detector can start from.
 */
public final class WeightsFile implements AutoCloseable {
  private final Path path;
  private final Safetensors file;

  private WeightsFile(Path path, Safetensors file) {
    this.path = path;
    this.file = file;
  }

  /**
   * Opens a file.
   *
   * @param path the file
   * @return the open file
   * @throws IOException if it cannot be read or is damaged
   */
  public static WeightsFile open(Path path) throws IOException {
    return new WeightsFile(path, Safetensors.open(path));
  }

  /** {@return the file} */
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
    Set<String> keys = file.entries().keySet();
    return keys.containsAll(Set.of("conv1.weight", "fc.weight"))
        || keys.containsAll(Set.of("features.0.weight", "classifier.0.weight"));
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
            .filter(body -> file.entries().keySet().containsAll(body.namedParameters().keySet()))
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
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>(file.entries());
    Set<String> known = body.namedParameters().keySet();
    Set<String> beginnings = known.stream().map(WeightsFile::beginning).collect(toSet());
    beginnings.remove("classifier"); // of VGG's three layers the first two may have a place
    entries.keySet().removeIf(key -> !known.contains(key) && !beginnings.contains(beginning(key)));
    load(body, backend, entries);
    if (model.pretrainedHead().isPresent()) {
      loadHead(model.pretrainedHead().get(), backend);
    }
  }

  private static String beginning(String key) {
    return key.substring(0, Math.max(0, key.indexOf('.')));
  }

  private void loadHead(Module head, Backend backend) throws IOException {
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
    file.entries()
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

  private void requireIntact() throws IOException {
    try {
      file.requireIntact();
    } catch (IOException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  private void load(Module module, Backend backend, Map<String, Safetensors.Entry> entries)
      throws IOException {
    try {
      StateDict.load(module, backend, entries);
      file.requireWhole();
    } catch (InternalError e) { // of the JVM, if a page of the mapped file is gone
      throw new IOException(path + ": was cut while it was read", e);
    } catch (IOException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    file.close();
  }
}
