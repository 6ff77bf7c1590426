package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.tensor.Device;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/** Weights files of small detectors that nobody trained: they find something on any image. */
public final class TinyDetectors {
  /** Has a class per letter; works on small images. */
  public static final ModelSpec SPEC =
      ModelSpec.of("fasterrcnn_tiny_fpn", List.of("a", "b"), Norm.Type.BATCH)
          .withConfig(
              c ->
                  c.withTransform(t -> t.withSizes(64, 96))
                      .withRpn(r -> r.withPreNmsTopNTest(50).withPostNmsTopNTest(20))
                      .withBoxHead(b -> b.withHeadSize(32).withScoreThresh(0.01f)));

  private TinyDetectors() {}

  /**
   * Writes weights.
   *
   * @param spec the model
   * @param file the file
   * @return the file
   */
  public static Path write(ModelSpec spec, Path file) throws IOException {
    DetectionModel model = spec.build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, model);
        Arena arena = Arena.ofConfined()) {
      parameters.initialize(5);
      Safetensors.write(file, spec.toMetadata(), StateDict.save(model, backend, arena));
    }
    return file;
  }

  /**
   * {@return an image of noise, to be closed}
   *
   * @param height rows
   * @param width columns
   * @param seed of the noise
   */
  public static Image noise(int height, int width, long seed) {
    byte[] rgb = new byte[3 * height * width];
    new SplittableRandom(seed).nextBytes(rgb);
    return Image.of(height, width, rgb);
  }
}
