package dev.cocoli.cli.options;

import dev.cocoli.tensor.Precision;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The option {@code --precision} of commands that run a network. */
public final class PrecisionOption {
  @Option(
      names = "--precision",
      paramLabel = "P",
      defaultValue = "fp32",
      description =
          "fp32, or bf16: activations and products in bfloat16, for processors that have it."
              + " Default: ${DEFAULT-VALUE}.")
  private String name;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /** Returns what the network is to compute in. */
  public Precision precision() {
    try {
      return Precision.parse(name);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          spec.commandLine(), "--precision is fp32 or bf16, not '" + name + "'", e);
    }
  }
}
