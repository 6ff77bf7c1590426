package dev.cocoli.onnx;

import dev.cocoli.Detector;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.tensor.Device;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.UnaryOperator;

/** The detectors that {@link TrainFixtures} trained, and images of what they know. */
enum Fixture {
  /** Over a feature pyramid. */
  PYRAMID("fasterrcnn_tiny_fpn"),
  /** Over one map. */
  ONE_MAP("fasterrcnn_tinyvgg");

  private final String model;

  Fixture(String model) {
    this.model = model;
  }

  Path file() {
    try {
      String name = "/detectors/" + model + ".safetensors";
      return Path.of(Objects.requireNonNull(Fixture.class.getResource(name)).toURI());
    } catch (URISyntaxException e) {
      throw new LinkageError("a URL of the class path", e);
    }
  }

  /** The detector, with few proposals, at a size that is larger than that of its training. */
  Detector open() throws IOException {
    return open(c -> c);
  }

  /** The same with other hyper-parameters. */
  Detector open(UnaryOperator<RcnnConfig> change) throws IOException {
    try (WeightsFile weights = WeightsFile.open(file())) {
      ModelSpec spec =
          weights
              .spec()
              .orElseThrow()
              .withConfig(
                  c ->
                      c.withTransform(t -> t.withSizes(240, 400))
                          .withRpn(r -> r.withPreNmsTopNTest(300).withPostNmsTopNTest(150)))
              .withConfig(change);
      return Detector.open(file(), spec, Device.CPU);
    }
  }

  /** Shapes that fill an image of any size; below 32 pixels a gradient. */
  static Image image(int height, int width, int seed) {
    if (Math.min(height, width) < 32) {
      byte[] rgb = new byte[3 * height * width];
      for (int i = 0; i < rgb.length; i++) {
        rgb[i] = (byte) ((i * 7 + i / (3 * width) * 11 + seed) % 256);
      }
      return Image.of(height, width, rgb);
    }
    return Image.of(new ShapeScenes(ShapeScenesConfig.of(width, height, seed)).scene(0).image());
  }
}
