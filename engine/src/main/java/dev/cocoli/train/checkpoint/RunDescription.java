package dev.cocoli.train.checkpoint;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.data.DataConfig;
import dev.cocoli.data.augment.Augmentation;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.files.InputFile;
import dev.cocoli.files.OutputFile;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.UpdateConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The content of a run's {@code config.json}: model, data, settings and versions. A run is resumed
 * only with what it was started with; what does not change its results may differ.
 */
public final class RunDescription {
  private static final int FORMAT = 1;
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final String MODEL = "model";

  /** The sections that a resumed run has to share. */
  private static final List<String> FIXED_SECTIONS = List.of(MODEL, "train", "data");

  /** What may differ nevertheless; epochs only upwards. */
  private static final Set<String> FREE =
      Set.of(
          "train.epochs",
          "train.log_every",
          "train.early_stop",
          "train.checkpoint_steps",
          "train.checkpoint_seconds",
          "train.loader_threads",
          "train.prefetch");

  /** The largest file that is read; the longest lists of classes take a few hundred kilobytes. */
  private static final int MOST_BYTES = 64 << 20;

  private static final String EPOCHS = "train.epochs";

  /** What may differ in a resumed run, but decides how long a run is. */
  private static final Set<String> LENGTH = Set.of(EPOCHS, "train.early_stop");

  /** How many differences an error names. */
  private static final int NAMED_DIFFERENCES = 5;

  private final ObjectNode root;

  /** The same with all defaults: an entry that is added has the default that runs before it had. */
  private final ObjectNode defaults;

  private RunDescription(ObjectNode root, ObjectNode defaults) {
    this.root = root;
    this.defaults = defaults;
  }

  public static RunDescription of(TrainingRun run, String devices, long totalSteps) {
    ObjectNode root = JSON.createObjectNode();
    root.put("format", FORMAT);
    String version = RunDescription.class.getPackage().getImplementationVersion();
    root.put("cocoli", version == null ? "development" : version);
    root.put("java", Runtime.version().toString());
    root.put("device", devices);
    describe(root.putObject(MODEL), run.model());
    root.put("weights", run.weights().map(start -> absolute(start.file())).orElse(null));
    describe(root.putObject("train"), run.config());
    ObjectNode resolved = root.putObject("schedule");
    resolved.put("total_steps", totalSteps);
    resolved.put("lr", run.config().fullLearningRate());
    resolved.put("warmup_steps", run.config().update().schedule().warmupSteps(totalSteps));
    ObjectNode data = root.putObject("data");
    describe(data.putObject("train"), DatasetFingerprint.of(run.trainData()));
    run.validationData()
        .ifPresent(
            validation ->
                describe(data.putObject("validation"), DatasetFingerprint.of(validation)));
    ObjectNode origin = root.putObject("data_origin");
    run.dataOrigin().forEach(origin::put);
    run.options().forEach(root.putArray("options")::add);
    return new RunDescription(root, defaults(run.model()));
  }

  private static ObjectNode defaults(ModelSpec model) {
    ObjectNode defaults = JSON.createObjectNode();
    describe(defaults.putObject(MODEL), model.withConfig(config -> model.builder().defaults()));
    describe(defaults.putObject("train"), TrainConfig.DEFAULT);
    return defaults;
  }

  private static String absolute(Path file) {
    return file.toAbsolutePath().normalize().toString();
  }

  /** {@return all that decides a run's results, and how long it is, on one line} */
  public static String settings(TrainingRun run) {
    Map<String, String> all = flatten(of(run, "", 1).root);
    all.keySet().removeIf(name -> FREE.contains(name) && !LENGTH.contains(name));
    return all.toString();
  }

  private static void describe(ObjectNode node, ModelSpec model) {
    node.put("name", model.model());
    ArrayNode classes = node.putArray("classes");
    model.classNames().forEach(classes::add);
    node.put("norm", model.config().backbone().norm().name().toLowerCase(Locale.ROOT));
    model.hyperparameters().forEach((name, value) -> node.set(name, typed(value)));
  }

  private static void describe(ObjectNode node, TrainConfig config) {
    UpdateConfig update = config.update();
    DataConfig data = config.data();
    node.put("epochs", config.epochs());
    node.put("batch", config.batch());
    node.put("lr", config.fullLearningRate());
    node.put("schedule", update.schedule().name());
    putAll(node, update.schedule().settings());
    node.put("optimizer", update.optimizer().name());
    putAll(node, update.optimizer().settings());
    node.put("clip_norm", update.clipNorm().isPresent() ? update.clipNorm().getAsDouble() : null);
    ArrayNode augmentations = node.putArray("augmentations");
    for (Augmentation augmentation : data.augmentations()) {
      augmentations.add(augmentation.name());
      putAll(node, augmentation.settings());
    }
    node.put("seed", config.seed());
    node.put("log_every", config.logEvery());
    node.put("evaluate_every", config.evaluation().everyEpochs());
    node.put("evaluation_batch", config.evaluation().batch());
    node.put("early_stop", boxed(config.evaluation().patience()));
    node.put("checkpoint_steps", boxed(config.checkpoint().steps()));
    node.put("checkpoint_seconds", seconds(config.checkpoint().interval()));
    node.put("loader_threads", data.workers());
    node.put("prefetch", data.prefetchBatches());
    node.put("precision", config.precision().toString());
    node.put("last_batch", data.lastBatch().name().toLowerCase(Locale.ROOT));
    node.put("broken_pictures", data.brokenImages().name().toLowerCase(Locale.ROOT));
  }

  /** Adds the settings of a part of the run. */
  private static void putAll(ObjectNode node, Map<String, String> settings) {
    settings.forEach(
        (name, value) -> {
          if (node.putIfAbsent(name, typed(value)) != null) {
            throw new IllegalArgumentException("two settings of the run are called " + name);
          }
        });
  }

  /** Returns the JSON that a text is, numbers for numbers with commas between them, or the text. */
  private static JsonNode typed(String value) {
    try {
      JsonNode node =
          JSON.readTree(value.matches("[-+.\\dEe]+(,[-+.\\dEe]+)+") ? "[" + value + "]" : value);
      return node.isMissingNode() ? JSON.getNodeFactory().textNode(value) : node; // a blank text
    } catch (JacksonException e) {
      return JSON.getNodeFactory().textNode(value);
    }
  }

  private static double seconds(Duration time) {
    return time.getSeconds() + time.toMillisPart() / 1e3;
  }

  private static Integer boxed(OptionalInt value) {
    return value.isPresent() ? value.getAsInt() : null;
  }

  private static void describe(ObjectNode node, DatasetFingerprint data) {
    node.put("pictures", data.images());
    node.put("objects", data.objects());
    node.put("digest", data.digest());
  }

  /**
   * Reads a run's description.
   *
   * @throws TrainingException if the file cannot be read, is no description of a run or larger than
   *     64 MB
   */
  public static RunDescription read(Path file) {
    try {
      if (JSON.readTree(InputFile.read(file, MOST_BYTES)) instanceof ObjectNode object) {
        return new RunDescription(object, JSON.createObjectNode());
      }
      throw new TrainingException(file + " is no JSON object, so the run cannot be resumed");
    } catch (JacksonException e) {
      throw new TrainingException(
          file + " is no valid JSON, so the run cannot be resumed: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new TrainingException("cannot read " + file + ": " + OutputFile.reason(e), e);
    }
  }

  /**
   * Refuses to go on with a run under other settings.
   *
   * @param now what it is to go on with
   * @param folder for the message
   * @throws TrainingException if something differs that may not; the message names it
   */
  public void requireSame(RunDescription now, Path folder) {
    Map<String, String> before = flatten(root);
    Map<String, String> after = flatten(now.root);
    Map<String, String> defaults = flatten(now.defaults);
    List<String> differences = new ArrayList<>();
    Map<String, String> all = new LinkedHashMap<>(before);
    after.forEach(all::putIfAbsent);
    for (String name : all.keySet()) {
      String old = before.getOrDefault(name, defaults.getOrDefault(name, "absent"));
      String given = after.getOrDefault(name, "absent");
      if (!old.equals(given) && !FREE.contains(name)) {
        differences.add(
            name.endsWith(".digest")
                ? name.replace(".digest", "") + " has other file names or annotations"
                : name + " was " + old + ", is " + given);
      }
    }
    if (epochs(now) < epochs(this)) {
      differences.add(
          EPOCHS + " was " + epochs(this) + ", is " + epochs(now) + ": it may only grow");
    }
    if (!differences.isEmpty()) {
      int shown = Math.min(NAMED_DIFFERENCES, differences.size());
      throw new TrainingException(
          ("the run in %s was started with other settings: %s%s; resume it with the same, or"
                  + " start a new run in another folder")
              .formatted(
                  folder,
                  String.join("; ", differences.subList(0, shown)),
                  differences.size() > shown ? "; ..." : ""));
    }
  }

  /**
   * Refuses to begin a run that never wrote a checkpoint from other weights.
   *
   * @param now what it is to go on with
   * @param folder for the message
   * @throws TrainingException if the weights are others
   */
  public void requireSameWeights(RunDescription now, Path folder) {
    String before = root.path("weights").asText();
    String after = now.root.path("weights").asText();
    if (!absolute(Path.of(before)).equals(absolute(Path.of(after)))) {
      throw new TrainingException(
          "the run in %s was to start from the weights %s, now from %s, and wrote no checkpoint; resume it with the same"
              .formatted(folder, before, after));
    }
  }

  private static int epochs(RunDescription description) {
    return description.root.path("train").path("epochs").asInt();
  }

  private static Map<String, String> flatten(ObjectNode description) {
    Map<String, String> result = new LinkedHashMap<>();
    for (String section : FIXED_SECTIONS) {
      flatten(section, description.path(section), result);
    }
    return result;
  }

  private static void flatten(String name, JsonNode node, Map<String, String> result) {
    if (node.isObject()) {
      node.properties()
          .forEach(field -> flatten(name + "." + field.getKey(), field.getValue(), result));
    } else {
      result.put(name, comparable(name, node));
    }
  }

  /** Hyper-parameters were written as texts once. */
  private static String comparable(String name, JsonNode node) {
    boolean text = name.startsWith(MODEL + ".") && node.isTextual();
    return (text ? typed(node.textValue()) : node).toString();
  }

  String toJson() {
    try {
      return JSON.writeValueAsString(root) + "\n";
    } catch (JacksonException e) {
      throw new AssertionError("a tree is always JSON", e);
    }
  }
}
