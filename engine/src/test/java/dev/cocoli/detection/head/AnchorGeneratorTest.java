package dev.cocoli.detection.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.detection.config.AnchorConfig;
import dev.cocoli.testing.OracleFile;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The default anchors, to the bit. */
class AnchorGeneratorTest {
  @Test
  void areTorchvisions() {
    OracleFile oracle = OracleFile.ops();
    JsonNode parameters = oracle.parameters("anchors");
    List<Integer> sizes = new ArrayList<>();
    parameters.get("sizes").forEach(size -> sizes.add(size.asInt()));
    List<Float> ratios = new ArrayList<>();
    parameters.get("ratios").forEach(ratio -> ratios.add(ratio.floatValue()));
    long height = parameters.get("image").get(0).asLong();
    long width = parameters.get("image").get(1).asLong();
    List<long[]> maps = new ArrayList<>();
    for (long stride = 4; stride <= 64; stride *= 2) {
      maps.add(new long[] {Math.ceilDiv(height, stride), Math.ceilDiv(width, stride)});
    }
    float[] mine =
        new AnchorGenerator(new AnchorConfig(sizes, ratios)).generate(height, width, maps);
    assertArrayEquals(oracle.floats("anchors.out.y"), mine);
  }
}
