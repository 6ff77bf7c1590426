package dev.cocoli.detection;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.detection.config.Hyperparameters;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.nn.Norm;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * All that it takes to build a detector but its weights. A model of a program's own has a name of
 * its own and a builder; training writes all but the builder to files.
 *
 * @param model a name of {@link Models}, such as {@code fasterrcnn_resnet50_fpn}, or one's own
 * @param classNames the name of each class, label 1 first; without the background
 * @param config hyper-parameters
 * @param builder makes the model of these
 */
public record ModelSpec(
    String model, List<String> classNames, RcnnConfig config, ModelBuilder builder) {
  /** The name of the model in the metadata of a weights file. */
  static final String NAME_KEY = "cocoli.model";

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Copies the classes and builds the model once, so that errors are thrown here. */
  public ModelSpec {
    classNames = List.copyOf(classNames);
    if (model.isBlank() || classNames.isEmpty()) {
      throw new IllegalArgumentException("a detector needs a name and at least one class");
    }
    if (Models.names().contains(model) && builder != Models.builder(model)) {
      throw new IllegalArgumentException(
          "a model of another builder needs another name than " + model);
    }
    if (!(config.own() instanceof RcnnConfig.None)) {
      Hyperparameters.values(config); // throws if they cannot be recorded
    }
    List<String> losses = builder.build(config, classNames.size() + 1).lossNames();
    if (losses.isEmpty()
        || Set.copyOf(losses).size() < losses.size()
        || !losses.stream().allMatch(name -> name.startsWith("loss_"))) {
      throw new IllegalArgumentException(
          "each loss of a model has a name of its own that begins with loss_: " + losses);
    }
  }

  /**
   * {@return a model of this library with its default hyper-parameters}
   *
   * @param model its name
   * @param classNames its classes
   * @param norm the backbone's normalisations
   * @throws IllegalArgumentException if there is none of that name
   */
  public static ModelSpec of(String model, List<String> classNames, Norm.Type norm) {
    return of(model, classNames, norm, Models.builder(model));
  }

  private static ModelSpec of(
      String model, List<String> classNames, Norm.Type norm, ModelBuilder builder) {
    RcnnConfig config = builder.defaults().withBackbone(b -> b.withNorm(norm));
    return new ModelSpec(model, classNames, config, builder);
  }

  /**
   * {@return the same model with other hyper-parameters}
   *
   * @param change makes them of these
   */
  public ModelSpec withConfig(UnaryOperator<RcnnConfig> change) {
    return new ModelSpec(model, classNames, change.apply(config), builder);
  }

  /**
   * {@return the same model for other classes}
   *
   * @param names the name of each class
   */
  public ModelSpec withClassNames(List<String> names) {
    return new ModelSpec(model, names, config, builder);
  }

  /**
   * {@return the same model with some hyper-parameters changed, as a command line or a file has
   * them}
   *
   * @param changes values under torchvision's names
   * @throws IllegalArgumentException if a name is unknown or means nothing to this model, or a
   *     value does not fit
   */
  public ModelSpec with(Map<String, String> changes) {
    if (changes.isEmpty()) {
      return this;
    }
    List<String> names = Hyperparameters.names(config);
    List<String> used = names.stream().filter(builder::uses).toList();
    for (String name : changes.keySet()) {
      if (names.contains(name) && !used.contains(name)) {
        throw new IllegalArgumentException(
            "the hyper-parameter %s means nothing to %s; it has %s"
                .formatted(name, model, String.join(", ", used)));
      }
    }
    return withConfig(c -> Hyperparameters.with(c, changes));
  }

  /** {@return the model, without memory} */
  public DetectionModel build() {
    return builder.build(config, classNames.size() + 1);
  }

  /** {@return whether its regions come from elsewhere} */
  public boolean needsProposals() {
    return build().needsProposals();
  }

  /** {@return every hyper-parameter that means something to this model, under its name} */
  public Map<String, String> hyperparameters() {
    Map<String, String> values = Hyperparameters.values(config);
    values.keySet().removeIf(name -> !builder.uses(name));
    return values;
  }

  /** {@return what a weights file's metadata says of the model} */
  public Map<String, String> toMetadata() {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    metadata.put(NAME_KEY, model);
    metadata.put("cocoli.norm", config.backbone().norm().name().toLowerCase(Locale.ROOT));
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
   * @param builder of a model that is none of this library's
   * @throws IllegalArgumentException if the description is damaged, or a builder is missing
   */
  static Optional<ModelSpec> fromMetadata(
      Map<String, String> metadata, Optional<ModelBuilder> builder) {
    String model = metadata.get(NAME_KEY);
    if (model == null) {
      return Optional.empty();
    }
    if (builder.isEmpty() && !Models.names().contains(model)) {
      throw new IllegalArgumentException(
          "the model '%s' is none of this library's: open it in a program, with its builder"
                  .formatted(model)
              + " (Detector.open(file, builder)); those of this library are "
              + String.join(", ", Models.names()));
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
    boolean isOurs = Models.names().contains(model);
    ModelBuilder its = isOurs ? Models.builder(model) : builder.orElseThrow();
    return Optional.of(of(model, classNames, type, its).with(config));
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
