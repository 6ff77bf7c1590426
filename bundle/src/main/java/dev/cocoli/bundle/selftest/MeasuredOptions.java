package dev.cocoli.bundle.selftest;

import dev.cocoli.backend.Backends;
import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.tensor.Device;
import java.util.List;
import java.util.function.Function;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What is measured: a device, and the images that it is timed with. */
public final class MeasuredOptions {
  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = "cuda",
      description = "cpu, cuda or cuda:1. Default: ${DEFAULT-VALUE}.")
  private String device;

  @Option(
      names = "--size",
      paramLabel = "HxW",
      defaultValue = "800x1344",
      description = "The size of the images that are timed. Default: ${DEFAULT-VALUE}.")
  private String size;

  @Option(
      names = "--batch",
      paramLabel = "N",
      split = ",",
      defaultValue = "1,8",
      description = "How many at a time. Default: ${DEFAULT-VALUE}.")
  private List<Integer> batches;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /** Creates the options, which picocli fills. */
  public MeasuredOptions() {}

  /** {@return the device, which may not be usable} */
  public Device device() {
    return parse("--device", device, Backends::device);
  }

  /** {@return the size of an image} */
  public ImageSize size() {
    return parse("--size", size, ImageSize::parse);
  }

  /** {@return the batches, the smallest first} */
  public List<Integer> batches() {
    if (batches.isEmpty() || batches.stream().anyMatch(batch -> batch < 1)) {
      throw new ParameterException(spec.commandLine(), "--batch is 1 or more");
    }
    return batches.stream().distinct().sorted().toList();
  }

  private <T> T parse(String option, String text, Function<String, T> parser) {
    try {
      return parser.apply(text);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), option + ": " + e.getMessage(), e);
    }
  }
}
