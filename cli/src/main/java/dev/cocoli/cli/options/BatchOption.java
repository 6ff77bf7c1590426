package dev.cocoli.cli.options;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The option {@code --batch} of commands that detect. */
public final class BatchOption {
  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Images that go through the network together: faster on a GPU, for more memory. The"
              + " smaller ones are padded to the size of the largest, as torchvision does, which"
              + " can change scores and boxes a little. Default: ${DEFAULT-VALUE}.")
  private int images;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /** Returns the number of images; a usage error if it is less than 1. */
  public int images() {
    if (images < 1) {
      throw new ParameterException(spec.commandLine(), "--batch is at least 1, not " + images);
    }
    return images;
  }
}
