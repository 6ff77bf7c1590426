package dev.cocoli.onnx;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import dev.cocoli.Detector;
import dev.cocoli.detection.ModelBuilder;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.Models;
import dev.cocoli.files.OutputFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Writes a Faster R-CNN as an ONNX model, from the image to the detections in its pixels: sizes are
 * not fixed, and resizing, normalisation and suppression are in the graph. docs/onnx.md describes
 * inputs and outputs.
 *
 * <pre>{@code
 * try (Detector detector = Detector.open(Path.of("best.safetensors"))) {
 *   OnnxExport.write(detector, Path.of("best.onnx"), OnnxOptions.DEFAULT);
 * }
 * }</pre>
 */
public final class OnnxExport {
  /** What protobuf can write as one message, less some room for the nodes. */
  private static final long MAX_BYTES = Integer.MAX_VALUE - (32L << 20);

  private OnnxExport() {}

  /**
   * Writes a detector.
   *
   * @param detector the detector, on any device
   * @param file the model; replaced as a whole if it exists
   * @param options what the model looks like
   * @throws IllegalArgumentException if the detector is no Faster R-CNN of this library, or too
   *     large for ONNX
   * @throws IOException if the file cannot be written; then it is as it was
   */
  public static void write(Detector detector, Path file, OnnxOptions options) throws IOException {
    requireExportable(detector.spec());
    try (Arena arena = Arena.ofConfined()) {
      ModelProto model = model(detector, arena, options);
      try (OutputFile output = OutputFile.create(file);
          OutputStream stream = new BufferedOutputStream(output.stream(), 1 << 16)) {
        model.writeTo(stream);
        stream.flush();
        output.commit();
      }
    }
  }

  /**
   * Throws an exception if a model cannot be exported, whatever its weights are.
   *
   * @param spec the model
   * @throws IllegalArgumentException if it is no Faster R-CNN of this library
   */
  public static void requireExportable(ModelSpec spec) {
    if (!Models.names().contains(spec.model()) || spec.builder() != Models.builder(spec.model())) {
      throw new IllegalArgumentException(
          "the model '%s' is none of this library's, and only those can be written as ONNX: %s"
              .formatted(spec.model(), String.join(", ", exportable())));
    }
    if (spec.needsProposals()) {
      throw new IllegalArgumentException(
          "the regions of %s come with the image, so it cannot be written as ONNX; %s can"
              .formatted(spec.model(), String.join(", ", exportable())));
    }
  }

  private static List<String> exportable() {
    return Models.names().stream()
        .filter(
            name -> {
              ModelBuilder builder = Models.builder(name);
              return !builder.build(builder.defaults(), 2).needsProposals();
            })
        .toList();
  }

  private static ModelProto model(Detector detector, Arena arena, OnnxOptions options) {
    ModelSpec spec = detector.spec();
    Graph graph = new Graph(spec.model(), options.opset());
    Weights weights = new Weights(graph, detector.stateDict(arena));
    requireFits(weights.byteSize());
    new FasterRcnnGraph(graph, weights, spec.config(), options).compose();
    if (!weights.unused().isEmpty()) {
      throw new IllegalArgumentException(
          "a part of %s cannot be written as ONNX: %s"
              .formatted(spec.model(), weights.unused().iterator().next()));
    }
    ModelProto.Builder model =
        ModelProto.newBuilder()
            .setIrVersion(irVersion(options.opset()))
            .setProducerName("cocoli")
            .setProducerVersion(version())
            .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(options.opset()))
            .setGraph(graph.build());
    for (Map.Entry<String, String> entry : spec.toMetadata().entrySet()) {
      if (entry.getKey().startsWith("cocoli.")) {
        model.addMetadataProps(
            StringStringEntryProto.newBuilder().setKey(entry.getKey()).setValue(entry.getValue()));
      }
    }
    return model.build();
  }

  /** Throws an exception if weights are too large for a model in one file. */
  static void requireFits(long bytes) {
    if (bytes > MAX_BYTES) {
      throw new IllegalArgumentException(
          "the weights take %,d bytes: an ONNX file holds 2 GB at most".formatted(bytes));
    }
  }

  /** The version of the file format that came with a version of the operators. */
  private static int irVersion(int opset) {
    return opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : 7;
  }

  private static String version() {
    String version = OnnxExport.class.getPackage().getImplementationVersion();
    return version == null ? "" : version;
  }
}
