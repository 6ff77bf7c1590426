package dev.cocoli.cli.options;

import dev.cocoli.detection.ModelSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that change a model's hyper-parameters. */
public final class ModelOptions {
  @Option(
      names = "--min-size",
      paramLabel = "N",
      description =
          "The shorter side in pixels. Images are resized to it (min_size); a larger N than"
              + " max_size moves that along, in torchvision's proportion of 1333 to 800. Default:"
              + " usually 800.")
  private Integer minSize;

  @Option(
      names = "--max-size",
      paramLabel = "N",
      description = "The longer side in pixels, at most (max_size). Default: usually 1333.")
  private Integer maxSize;

  @Option(
      names = "--set",
      paramLabel = "NAME=VALUE",
      mapFallbackValue = "",
      description =
          "Set a hyper-parameter under torchvision's name, for example"
              + " rpn_post_nms_top_n_train=300; again for more. docs/hyperparameters.md has all; an"
              + " unknown name lists those of the model.")
  private Map<String, String> set = new LinkedHashMap<>();

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /** Whether any is changed. */
  boolean areGiven() {
    return minSize != null || maxSize != null || !set.isEmpty();
  }

  /** Returns the model with what was asked for. */
  public ModelSpec apply(ModelSpec model) {
    set.forEach(
        (name, value) -> {
          if (value.isEmpty()) {
            throw new ParameterException(
                spec.commandLine(), "--set " + name + ": the value is missing: NAME=VALUE");
          }
        });
    Map<String, String> changes = new LinkedHashMap<>(set);
    put(changes, "min_size", "--min-size", minSize);
    put(changes, "max_size", "--max-size", maxSize);
    if (minSize != null && !changes.containsKey("max_size")) {
      int[] proportion = {800, 1333};
      if (minSize > model.config().transform().maxSize()) {
        long along = Math.ceilDiv((long) minSize * proportion[1], proportion[0]);
        changes.put("max_size", Long.toString(along));
      }
    }
    try {
      return model.with(changes);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private void put(Map<String, String> changes, String name, String option, Integer value) {
    if (value != null && changes.put(name, value.toString()) != null) {
      throw new ParameterException(
          spec.commandLine(), name + " is given by --set and by " + option + "; give it once");
    }
  }
}
