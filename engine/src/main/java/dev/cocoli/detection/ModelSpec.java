package dev.cocoli.detection;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.nn.Norm;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * All that it takes to build a detector but its weights.
 *
 * @param model a name such as {@code fasterrcnn_resnet50_fpn}
 * @param classNames the name of each class, label 1 first; without the background
 * @param norm the backbone's normalisations
 * @param config hyper-parameters
 */
public record ModelSpec(
    String model, List<String> classNames, Norm.Type norm, DetectorConfig config) {
  /** The names of models. */
  public static final List<String> MODELS =
      List.of(
          "fasterrcnn_resnet18_fpn",
          "fasterrcnn_resnet34_fpn",
          "fasterrcnn_resnet50_fpn",
          "fasterrcnn_resnet101_fpn",
          "fasterrcnn_vgg16",
          "fasterrcnn_tiny_fpn",
          "fasterrcnn_tinyvgg",
          "fastrcnn_resnet18",
          "fastrcnn_resnet34",
          "fastrcnn_resnet50",
          "fastrcnn_resnet101",
          "fastrcnn_vgg16",
          "fastrcnn_tiny",
          "fastrcnn_tinyvgg",
          "rcnn_resnet18",
          "rcnn_resnet34",
          "rcnn_resnet50",
          "rcnn_resnet101",
          "rcnn_vgg16",
          "rcnn_tiny",
          "rcnn_tinyvgg");

  /** The detectors of the family, by age. */
  public enum Kind {
    /** The network runs on every region; the regions come from elsewhere. */
    RCNN,
    /** The network runs once an image; the regions come from elsewhere. */
    FAST_RCNN,
    /** The network finds the regions too. */
    FASTER_RCNN
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Checks the name and copies the classes. */
  public ModelSpec {
    if (!MODELS.contains(model)) {
      throw new IllegalArgumentException(
          "unknown model '" + model + "'; known are " + String.join(", ", MODELS));
    }
    classNames = List.copyOf(classNames);
    if (classNames.isEmpty()) {
      throw new IllegalArgumentException("a detector needs at least one class");
    }
    ModelName.of(model).check(config);
  }

  /**
   * {@return a model with its default hyper-parameters}
   *
   * @param model its name
   * @param classNames its classes
   * @param norm the backbone's normalisations
   */
  public static ModelSpec of(String model, List<String> classNames, Norm.Type norm) {
    DetectorConfig config = DetectorConfig.DEFAULT;
    if (MODELS.contains(model)) { // the constructor says what is wrong with another
      config = Hyperparameters.with(config, ModelName.of(model).defaults());
    }
    return new ModelSpec(model, classNames, norm, config);
  }

  /**
   * {@return the same model with some hyper-parameters changed}
   *
   * @param changes values under torchvision's names
   * @throws IllegalArgumentException if a name is unknown or means nothing to this model, or a
   *     value does not fit
   */
  public ModelSpec with(Map<String, String> changes) {
    ModelName modelName = ModelName.of(model);
    for (String name : changes.keySet()) {
      if (Hyperparameters.names().contains(name) && !modelName.uses(name)) {
        throw new IllegalArgumentException(
            "the hyper-parameter "
                + name
                + " means nothing to "
                + model
                + "; it has "
                + String.join(", ", modelName.hyperparameters()));
      }
    }
    return new ModelSpec(model, classNames, norm, Hyperparameters.with(config, changes));
  }

  /** {@return the model, without memory} */
  public DetectionModel build() {
    return ModelName.of(model).build(norm, config, classNames.size() + 1);
  }

  /** {@return which detector of the family it is} */
  public Kind kind() {
    return ModelName.of(model).kind();
  }

  /** {@return whether its regions come from elsewhere} */
  public boolean needsProposals() {
    return kind() != Kind.FASTER_RCNN;
  }

  /** {@return every hyper-parameter that means something to this model, under its name} */
  public Map<String, String> hyperparameters() {
    Map<String, String> values = Hyperparameters.values(config);
    values.keySet().retainAll(ModelName.of(model).hyperparameters());
    return values;
  }

  /** {@return what a weights file's metadata says of the model} */
  public Map<String, String> toMetadata() {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    metadata.put("cocoli.model", model);
    metadata.put("cocoli.norm", norm.name().toLowerCase(Locale.ROOT));
    try {
      metadata.put("cocoli.classes", JSON.writeValueAsString(classNames));
      metadata.put("cocoli.config", JSON.writeValueAsString(hyperparameters()));
    } catch (JsonProcessingException e) {
      throw new LinkageError("strings are always JSON", e);
    }
    return metadata;
  }

  /**
   * {@return the model that a weights file's metadata describes, or nothing if it describes none}
   *
   * @param metadata the metadata
   * @throws IllegalArgumentException if the description is damaged
   */
  public static Optional<ModelSpec> fromMetadata(Map<String, String> metadata) {
    String model = metadata.get("cocoli.model");
    if (model == null) {
      return Optional.empty();
    }
    String norm = metadata.getOrDefault("cocoli.norm", "");
    Norm.Type type =
        Arrays.stream(Norm.Type.values())
            .filter(one -> one.name().equalsIgnoreCase(norm))
            .findFirst()
            .orElseThrow(() -> damaged("norm is '" + norm + "'", null));
    List<String> classNames =
        parse(metadata, "cocoli.classes", "a list of names", new TypeReference<>() {});
    Map<String, String> config =
        parse(metadata, "cocoli.config", "names and values", new TypeReference<>() {});
    if (classNames.contains(null)) {
      throw damaged("cocoli.classes has a class without a name", null);
    }
    config.forEach(
        (name, value) -> {
          if (value == null) {
            throw damaged("cocoli.config has no value for " + name, null);
          }
        });
    return Optional.of(of(model, classNames, type).with(config));
  }

  private static <T> T parse(
      Map<String, String> metadata, String key, String what, TypeReference<T> type) {
    JsonProcessingException cause = null;
    try {
      T value = JSON.readValue(metadata.getOrDefault(key, ""), type);
      if (value != null) {
        return value;
      }
    } catch (JsonProcessingException e) {
      cause = e;
    }
    throw damaged(key + " is not " + what + " in JSON", cause);
  }

  private static IllegalArgumentException damaged(String fault, Exception cause) {
    return new IllegalArgumentException(
        "the weights' description of their model is damaged: " + fault, cause);
  }
}
