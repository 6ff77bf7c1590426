package dev.cocoli.detection;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.detection.classic.FastRcnn;
import dev.cocoli.detection.classic.Rcnn;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Differences;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** VGG-16 at its full width against torchvision's, from torchvision's classifier weights. */
@EnabledIfSystemProperty(
    named = "cocoli.vgg16",
    matches = ".+",
    disabledReason = "-Dcocoli.vgg16 names no folder that the reference script vgg16.py wrote")
class VggFullWidthTest {
  private static final Path FOLDER = Path.of(System.getProperty("cocoli.vgg16", "."));

  @Test
  void featuresAgree() throws IOException {
    compare("fastrcnn_vgg16", "features");
  }

  @Test
  void fc7Agrees() throws IOException {
    compare("rcnn_vgg16", "fc7");
  }

  private static void compare(String name, String output) throws IOException {
    DetectionModel model = ModelSpec.of(name, List.of("a"), Norm.Type.FROZEN).build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, model);
        WeightsFile weights = WeightsFile.open(FOLDER.resolve("classifier.safetensors"));
        Reference reference = new Reference(FOLDER);
        TensorScope scope = new TensorScope(backend.pool())) {
      assertTrue(weights.isClassifier());
      weights.loadBackbone(model, backend);
      Ops ops = new Ops(backend, scope, Tape.NONE);
      Tensor x = ops.upload(reference.channelsLast("x"), 1, 224, 224, 3);
      boolean isMap = output.equals("features");
      Tensor mine =
          isMap
              ? ((FastRcnn) model).backbone().forward(ops, x).getFirst()
              : ((Rcnn) model).network().forward(ops, x);
      float[] expected = isMap ? reference.channelsLast(output) : reference.floats(output);
      double off = Differences.relativeNorm(expected, ops.download(mine));
      String found = output + " is off by " + off + " of its norm";
      System.out.println(parameters.module().getClass().getSimpleName() + ": " + found);
      assertTrue(off < 1e-4, found);
    }
  }
}
