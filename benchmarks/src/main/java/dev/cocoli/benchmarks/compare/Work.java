package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.benchmarks.SyntheticModel;
import dev.cocoli.detection.ModelSpec;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The work that both sides do, as the file {@code work.json} of a folder describes it; {@code
 * weights.safetensors} and {@code inputs.safetensors} lie beside it.
 *
 * @param model the model's name
 * @param size the size of each image, which the model does not resize
 * @param batch the number of images per batch
 * @param threads the number of computing threads
 * @param device the device: {@code cpu}, {@code cuda}, {@code cuda:1}
 */
record Work(String model, ImageSize size, int batch, int threads, String device) {
  static final String WEIGHTS = "weights.safetensors";
  static final String INPUTS = "inputs.safetensors";
  private static final String FILE = "work.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** More than there are candidates: a sampler of this size takes all of them. */
  private static final long EVERYTHING = 10_000_000;

  /** The candidates that a step is trained on. */
  enum Samplers {
    /** torchvision's numbers of anchors and regions, drawn at random. */
    USUAL,
    /** Every candidate, so that both sides compute the same losses. */
    EXHAUSTIVE
  }

  void write(Path folder) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.put("model", model);
    json.put("height", size.height());
    json.put("width", size.width());
    json.put("batch", batch);
    json.put("classes", SyntheticModel.CLASSES + 1);
    json.put("threads", threads);
    json.put("device", device);
    json.put("seed", 0);
    JSON.writeValue(folder.resolve(FILE).toFile(), json);
  }

  static Work read(Path folder) throws IOException {
    var json = JSON.readTree(folder.resolve(FILE).toFile());
    return new Work(
        json.get("model").asText(),
        new ImageSize(json.get("height").asInt(), json.get("width").asInt()),
        json.get("batch").asInt(),
        json.get("threads").asInt(),
        json.get("device").asText());
  }

  /** The model to use. */
  ModelSpec spec(Samplers samplers) {
    ModelSpec spec = SyntheticModel.spec(model, size);
    return switch (samplers) {
      case USUAL -> spec;
      case EXHAUSTIVE ->
          spec.withConfig(
              c ->
                  c.withRpn(r -> r.withBatchSizePerImage(EVERYTHING))
                      .withSampling(s -> s.withBatchSizePerImage(EVERYTHING)));
    };
  }
}
