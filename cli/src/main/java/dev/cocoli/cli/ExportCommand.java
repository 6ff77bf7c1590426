package dev.cocoli.cli;

import dev.cocoli.Detector;
import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.options.WeightsOptions;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.files.OutputFile;
import dev.cocoli.onnx.OnnxExport;
import dev.cocoli.onnx.OnnxOptions;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Writes weights in another format, or the whole detector as an ONNX model. */
@Command(
    name = "export",
    description = {
      "Writes weights as safetensors, or a whole detector as ONNX. The extension of --out decides."
    },
    customSynopsis = {"cocoli export --weights FILE --out FILE.safetensors|FILE.onnx [options]"})
final class ExportCommand implements Callable<Integer> {
  @Mixin private WeightsOptions weights;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      required = true,
      description =
          ".safetensors: with the model and its classes in the metadata, if the weights or --model"
              + " and --classes name them; else the arrays as they are. .onnx: a Faster R-CNN, from"
              + " the image to the detections.")
  private Path out;

  @Option(
      names = "--opset",
      paramLabel = "N",
      description = "The version of ONNX's operators, 14 to 21. Default: 17.")
  private Integer opset;

  @Option(
      names = "--parts",
      paramLabel = "all|heads",
      description =
          "What the ONNX model has: all, up to the detections, or heads, up to the boxes and the"
              + " scores of every class for each proposal, without NMS. Default: all.")
  private OnnxOptions.Parts parts;

  @Option(
      names = "--input",
      paramLabel = "image|batch",
      description =
          "What the ONNX model takes: one image [3,H,W], or a batch of images of one size"
              + " [N,3,H,W]. Default: image.")
  private OnnxOptions.Input input;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    switch (extension(out)) {
      case "safetensors" -> writeSafetensors();
      case "onnx" -> writeOnnx();
      default ->
          throw new ParameterException(
              spec.commandLine(), "--out ends with .safetensors or .onnx, unlike " + out);
    }
    return 0;
  }

  private static String extension(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.substring(name.lastIndexOf('.') + 1);
  }

  private void writeSafetensors() throws IOException {
    if (opset != null || parts != null || input != null) {
      throw new ParameterException(
          spec.commandLine(), "--opset, --parts and --input are for an --out that ends with .onnx");
    }
    Optional<ModelSpec> model = weights.modelIfNamed();
    OutputPaths.requireWritableFile(out, List.of(weights.file().orElseThrow()));
    OutputPaths.createFolderOf(out);
    try {
      OutputFile.replace(
          List.of(new OutputFile.Replacement(out, file -> weights.write(model, file))));
    } catch (IOException e) {
      throw OutputPaths.notWritten(out, e);
    }
    spec.commandLine().getOut().println("weights: " + out);
  }

  private void writeOnnx() throws IOException {
    OnnxOptions options = onnxOptions();
    ModelSpec model = weights.model(Map.of());
    OnnxExport.requireExportable(model);
    OutputPaths.requireWritableFile(out, List.of(weights.file().orElseThrow()));
    try (Detector detector = weights.open(model, Device.CPU, Precision.FP32)) {
      OutputPaths.createFolderOf(out);
      try {
        OnnxExport.write(detector, out, options);
      } catch (IOException e) {
        throw OutputPaths.notWritten(out, e);
      }
    }
    spec.commandLine()
        .getOut()
        .printf("model: %s (ONNX, opset %d, %s)%n", out, options.opset(), describe(options));
  }

  private OnnxOptions onnxOptions() {
    OnnxOptions options = OnnxOptions.DEFAULT;
    try {
      options = opset == null ? options : options.withOpset(opset);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--opset: " + e.getMessage(), e);
    }
    options = parts == null ? options : options.withParts(parts);
    return input == null ? options : options.withInput(input);
  }

  private static String describe(OnnxOptions options) {
    String in =
        switch (options.input()) {
          case IMAGE -> "image [3,H,W]";
          case BATCH -> "images [N,3,H,W]";
        };
    String out =
        switch (options.parts()) {
          case ALL -> "boxes, labels, scores";
          case HEADS -> "boxes and scores of each proposal";
        };
    return in + " to " + out;
  }
}
