package dev.cocoli.cli.options;

import dev.cocoli.Detector;
import dev.cocoli.DetectorOptions;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.Norm;
import dev.cocoli.structures.Count;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that open a detector from a weights file. */
public final class WeightsOptions {
  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description =
          "Safetensors or a .pth of torch.save, with torchvision's keys. A file that cocoli train"
              + " wrote says what model it is for; a bare one needs --model and --classes.")
  private Path weights;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description =
          "The model of bare weights, such as fasterrcnn_resnet50_fpn; they need --classes as well."
              + " train --help-all has the names.")
  private String model;

  @Mixin private ClassesOption classes;
  @Mixin private ModelOptions hyperparameters;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  public Optional<Path> file() {
    return Optional.ofNullable(weights);
  }

  /** Whether the detector's classes are only numbers, so that they cannot be compared by name. */
  public boolean hasNamelessClasses() {
    return classes.isNumber();
  }

  /**
   * Returns the model of the weights.
   *
   * @param changes hyper-parameters that the command sets
   */
  public ModelSpec model(Map<String, String> changes) throws IOException {
    requireGiven();
    try (WeightsFile opened = WeightsFile.open(weights)) {
      Optional<ModelSpec> described = opened.spec();
      if (opened.isClassifier()) {
        throw new CommandException(
            weights
                + " has the weights of a classifier, not of a detector; train can start from it");
      }
      ModelSpec found =
          described.isPresent()
              ? checked(described.get())
              : opened.asTorchvisionBuilds(bare(opened));
      return hyperparameters.apply(found).with(changes);
    }
  }

  private void requireGiven() {
    if (weights == null) {
      throw new ParameterException(spec.commandLine(), "which weights? --weights FILE is missing");
    }
  }

  /** Returns the model of the weights; nothing if neither they nor the options name one. */
  public Optional<ModelSpec> modelIfNamed() throws IOException {
    requireGiven();
    boolean named = model != null || classes.isGiven() || hyperparameters.areGiven();
    if (!named) {
      try (WeightsFile opened = WeightsFile.open(weights)) {
        named = opened.modelName().isPresent();
      }
    }
    return named ? Optional.of(model(Map.of())) : Optional.empty();
  }

  /**
   * Writes the weights as safetensors.
   *
   * @param model their model; without one the arrays are written as they are
   * @param to the file
   */
  public void write(Optional<ModelSpec> model, Path to) throws IOException {
    try (WeightsFile opened = WeightsFile.open(weights)) {
      if (model.isPresent()) {
        try (Backend backend = Backends.open(Device.CPU)) {
          opened.write(to, model.get(), backend);
        }
      } else {
        opened.write(to);
      }
    }
  }

  private ModelSpec checked(ModelSpec described) throws IOException {
    if (model != null && !model.equals(described.model())) {
      throw new CommandException(
          weights + " is of a " + described.model() + ", not of a " + model + " (--model)");
    }
    Optional<List<String>> names = classes.names();
    if (names.isEmpty()
        || classes.isNumber() && names.get().size() == described.classNames().size()) {
      return described;
    }
    if (names.get().size() != described.classNames().size()) {
      throw new CommandException(
          "%s has %s (%s), --classes says %d"
              .formatted(
                  weights,
                  new Count(described.classNames().size(), "class"),
                  String.join(", ", described.classNames()),
                  names.get().size()));
    }
    return described.withClassNames(names.get());
  }

  private ModelSpec bare(WeightsFile opened) throws IOException {
    if (model == null || !classes.isGiven()) {
      throw new CommandException(
          weights
              + " does not say what model it is for: give --model NAME and --classes N|FILE|coco as"
              + " well");
    }
    // statistics are fixed in detection, even if training did not fix them
    ModelSpec bare = named(model, classes.names().orElseThrow(), Norm.Type.FROZEN, spec);
    int count = opened.classCount(bare.build());
    if (count > 0 && count != bare.classNames().size()) {
      throw new CommandException(
          "%s has %s without the background, --classes says %d"
              .formatted(weights, new Count(count, "class"), bare.classNames().size()));
    }
    return bare;
  }

  /** Returns a model by its name; an unknown name is a usage error. */
  public static ModelSpec named(
      String model, List<String> classes, Norm.Type norm, CommandSpec spec) {
    try {
      return ModelSpec.of(model, classes, norm);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--model: " + e.getMessage(), e);
    }
  }

  /**
   * Opens the detector, which returns all detections that its model reports.
   *
   * @param model the result of {@link #model}
   * @param device where it runs
   * @param precision what it computes in
   */
  public Detector open(ModelSpec model, Device device, Precision precision) throws IOException {
    return Detector.open(
        weights,
        DetectorOptions.DEFAULT
            .withSpec(model)
            .withDevice(device)
            .withPrecision(precision)
            .withScoreThreshold(0));
  }
}
