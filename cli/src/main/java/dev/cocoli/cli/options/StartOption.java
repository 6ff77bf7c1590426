package dev.cocoli.cli.options;

import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.Norm;
import dev.cocoli.train.StartingWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The option {@code --weights} of a training, and what the weights decide of its model. */
public final class StartOption {
  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description =
          "Start from safetensors or .pth. It is a detector (of cocoli train, or a bare"
              + " one of torchvision), of which all but the rows of other classes is taken; or a"
              + " torchvision classifier, for the backbone alone. Default: none.")
  private Path file;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  private Optional<ModelSpec> described = Optional.empty();

  public boolean isGiven() {
    return file != null;
  }

  /** Returns the name of the model that the file is of; a usage error if it does not name one. */
  public String modelName() {
    return described
        .map(ModelSpec::model)
        .orElseThrow(
            () ->
                new ParameterException(
                    spec.commandLine(),
                    "--model is needed: " + file + " does not say what model it is of"));
  }

  /** Reads what the file says of its model. */
  public void read() throws IOException {
    if (file != null) {
      try (WeightsFile opened = WeightsFile.open(file)) {
        described = opened.spec();
      }
    }
  }

  /**
   * Returns the model of the run before its options change it.
   *
   * @param model its name
   * @param classNames its classes
   * @param norm the backbone's normalisations; nothing to take those of the weights
   */
  public ModelSpec model(String model, List<String> classNames, Optional<Norm.Type> norm)
      throws IOException {
    Norm.Type usual = file == null ? Norm.Type.BATCH : Norm.Type.FROZEN;
    Norm.Type chosen =
        norm.or(() -> described.map(found -> found.config().backbone().norm())).orElse(usual);
    ModelSpec fresh = WeightsOptions.named(model, classNames, chosen, spec);
    if (described.isPresent() && described.get().model().equals(model)) {
      // its shapes follow from its hyper-parameters
      return described
          .get()
          .withClassNames(classNames)
          .withConfig(c -> c.withBackbone(b -> b.withNorm(chosen)));
    }
    if (file == null) {
      return fresh;
    }
    try (WeightsFile opened = WeightsFile.open(file)) {
      return opened.asTorchvisionBuilds(fresh);
    }
  }

  /**
   * Returns the names that {@code --classes} gives to the classes of the weights; nothing if it
   * names those of the data.
   *
   * @param model the model of the run, with any classes
   * @param classes the option
   */
  public Optional<List<String>> classNames(ModelSpec model, ClassesOption classes)
      throws IOException {
    Optional<List<String>> names = classes.fromFile();
    if (file == null || names.isEmpty() || described.isPresent()) {
      return Optional.empty();
    }
    try (WeightsFile opened = WeightsFile.open(file)) {
      int count = opened.isClassifier() ? 0 : opened.classCount(model.build());
      boolean ofWeights = count > 0 && (classes.isCoco() || count == names.get().size());
      return ofWeights ? names : Optional.empty();
    }
  }

  /**
   * Returns what the run starts from.
   *
   * @param classNames the classes of bare weights, if they are known
   */
  public Optional<StartingWeights> start(Optional<List<String>> classNames) {
    return Optional.ofNullable(file).map(path -> new StartingWeights(path, classNames));
  }
}
