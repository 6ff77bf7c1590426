package dev.cocoli.cli;

import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.options.WeightsOptions;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.files.OutputFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Writes weights in another format. */
@Command(
    name = "export",
    description = {
      "Writes a detector's weights in another format, which the extension of --out names."
    },
    customSynopsis = {"cocoli export --weights FILE --out FILE.safetensors [options]"})
final class ExportCommand implements Callable<Integer> {
  @Mixin private WeightsOptions weights;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      required = true,
      description =
          ".safetensors: with the model and its classes in the metadata, if the weights or --model"
              + " and --classes name them; else the arrays as they are.")
  private Path out;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    switch (extension(out)) {
      case "safetensors" -> writeSafetensors();
      default ->
          throw new ParameterException(
              spec.commandLine(), "--out ends with .safetensors, unlike " + out);
    }
    spec.commandLine().getOut().println("weights: " + out);
    return 0;
  }

  private static String extension(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.substring(name.lastIndexOf('.') + 1);
  }

  private void writeSafetensors() throws IOException {
    Optional<ModelSpec> model = weights.modelIfNamed();
    OutputPaths.requireWritableFile(out, List.of(weights.file().orElseThrow()));
    OutputPaths.createFolderOf(out);
    try {
      OutputFile.replace(
          List.of(new OutputFile.Replacement(out, file -> weights.write(model, file))));
    } catch (IOException e) {
      throw OutputPaths.notWritten(out, e);
    }
  }
}
