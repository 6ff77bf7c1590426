package dev.cocoli.detection.classic;

import static dev.cocoli.testing.Differences.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.detection.config.TransformConfig;
import dev.cocoli.detection.config.WarpConfig;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestBackends;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

/** R-CNN's warp against torch's bilinear sampling: what {@code warp.py} wrote. */
class WarpedRegionsTest {
  private static final int SIZE = 32;

  private final OracleFile oracle = OracleFile.resource("/oracle/warp.safetensors");

  private float[] warp(int context, Box region) {
    WarpedRegions warp =
        new WarpedRegions(TransformConfig.DEFAULT, new WarpConfig(SIZE, context, 1));
    try (Backend backend = TestBackends.cpu(2);
        TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE);
      Tensor image = ops.allocate(DType.U8, 30, 40, 3);
      backend.transfers().upload(MemorySegment.ofArray(oracle.unsignedBytes("picture")), image);
      Box grown = warp.withContext(region);
      float[] roi = {0, grown.x1(), grown.y1(), grown.x2(), grown.y2()};
      Tensor images = warp.images(ops, List.of(image));
      return ops.download(warp.warp(ops, images, ops.upload(roi, 1, 5)));
    }
  }

  private Box region() {
    float[] corners = oracle.floats("region");
    return new Box(corners[0], corners[1], corners[2], corners[3]);
  }

  private float[] expected(String name) {
    float[] from = oracle.floats(name);
    float[] to = new float[from.length];
    for (int i = 0; i < from.length; i++) {
      to[(i % (SIZE * SIZE)) * 3 + i / (SIZE * SIZE)] = from[i];
    }
    return to;
  }

  @Test
  void showsWhatIsAroundARegionAsTorchSamplesIt() {
    float[] mine = warp(4, region());
    assertClose(expected("with_context"), mine, 1e-4, "with context");
  }

  @Test
  void withoutContextItIsACropResized() {
    float[] mine = warp(0, region());
    float[] expected = expected("without");
    // torch's crop ends where the region does; the warp sees the next pixel, as the paper's does
    for (int y = 2; y < SIZE - 2; y++) {
      for (int at = (y * SIZE + 2) * 3; at < (y * SIZE + SIZE - 2) * 3; at++) {
        assertEquals(expected[at], mine[at], 1e-4, "element " + at);
      }
    }
  }

  @Test
  void outsideTheImageIsTheMeanColour() {
    float[] mine = warp(0, new Box(-80, -60, -40, -30));
    for (float value : mine) {
      assertEquals(0, value);
    }
  }
}
