package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.Bf16;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.testing.TestTensors;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What resizing and normalising an image owes. */
class ImageContractTest extends BackendContract {
  private static final NormalizeSpec IDENTITY =
      new NormalizeSpec(new float[3], new float[] {1, 1, 1});

  @Test
  void resizesAsTorchDoes() {
    OracleFile oracle = OracleFile.ops();
    Tensor image = tensors.floats(channelsLast(oracle, "resize.in.x", 3), 41, 67, 3);
    Tensor slot = tensors.floatOutput(80, 130, 3);
    backend.images().resizeNormalize(IDENTITY, image, 80, 130, slot);
    assertClose(channelsLast(oracle, "resize.out.y", 3), tensors.floats(slot), 1e-6, "resize");
  }

  @ParameterizedTest
  @ValueSource(strings = {"larger", "smaller", "same"})
  void transformsBytesAsTorchvisionDoes(String name) {
    OracleFile oracle = OracleFile.resource("/oracle/regions.safetensors");
    JsonNode parameters = oracle.parameters("picture." + name);
    float[] mean = new float[3];
    float[] std = new float[3];
    for (int c = 0; c < 3; c++) {
      mean[c] = (float) parameters.get("mean").get(c).asDouble();
      std[c] = (float) parameters.get("std").get(c).asDouble();
    }
    long[] from = oracle.shape("picture." + name + ".in.x");
    byte[] bytes = oracle.unsignedBytes("picture." + name + ".in.x");
    long[] to = oracle.shape("picture." + name + ".out.y");
    Tensor slot = tensors.floatOutput(to[2], to[3], 3);
    long height = parameters.get("size").get(0).asLong();
    long width = parameters.get("size").get(1).asLong();
    NormalizeSpec spec = new NormalizeSpec(mean, std);
    backend.images().resizeNormalize(spec, tensors.bytes(bytes, from), height, width, slot);
    float[] expected = oracle.channelsLast("picture." + name + ".out.y");
    assertClose(expected, tensors.floats(slot), 1e-6, name);

    float[] shares = new float[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      shares[i] = (bytes[i] & 0xFF) / 255f;
    }
    backend.images().resizeNormalize(spec, tensors.floats(shares, from), height, width, slot);
    assertClose(expected, tensors.floats(slot), 1e-6, name + " from floats");
  }

  @Test
  void enlargesOnePixel() {
    Tensor slot = tensors.floatOutput(3, 5, 3);
    backend
        .images()
        .resizeNormalize(
            IDENTITY, tensors.bytes(new byte[] {0, (byte) 255, 51}, 1, 1, 3), 2, 4, slot);
    float[] values = tensors.floats(slot);
    for (int i = 0; i < 45; i++) {
      boolean inside = i / 15 < 2 && i / 3 % 5 < 4;
      float colour = new float[] {0, 1, 0.2f}[i % 3];
      assertEquals(inside ? colour : 0, values[i], 1e-6, "element " + i);
    }
  }

  /** Where the image's edge lies decides which boxes are found: not a bit may differ. */
  @ParameterizedTest
  @CsvSource({"90,120,187,250,192,256", "61,47,20,15,32,32", "1,7,3,3,3,3", "33,50,33,50,40,50"})
  void hasTheCpusBits(int h, int w, long height, long width, long slotHeight, long slotWidth) {
    byte[] bytes = new byte[h * w * 3];
    new Random(8).nextBytes(bytes);
    float[] shares = new float[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      shares[i] = (bytes[i] & 0xFF) / 255f;
    }
    NormalizeSpec spec =
        new NormalizeSpec(
            new float[] {0.485f, 0.456f, 0.406f}, new float[] {0.229f, 0.224f, 0.225f});
    Tensor slot = tensors.floatOutput(slotHeight, slotWidth, 3);
    try (Backend cpu = TestBackends.cpu(1);
        TestTensors own = new TestTensors(cpu)) {
      Tensor expected = own.floatOutput(slotHeight, slotWidth, 3);
      cpu.images().resizeNormalize(spec, own.bytes(bytes, h, w, 3), height, width, expected);
      backend.images().resizeNormalize(spec, tensors.bytes(bytes, h, w, 3), height, width, slot);
      assertArrayEquals(own.floats(expected), tensors.floats(slot));
      cpu.images().resizeNormalize(spec, own.floats(shares, h, w, 3), height, width, expected);
      backend.images().resizeNormalize(spec, tensors.floats(shares, h, w, 3), height, width, slot);
      assertArrayEquals(own.floats(expected), tensors.floats(slot));
      float[] rounded = Bf16.round(own.floats(expected));
      Tensor narrow =
          tensors.bfloats(values(new Random(9), rounded.length), slot.shape().toArray());
      backend
          .images()
          .resizeNormalize(spec, tensors.floats(shares, h, w, 3), height, width, narrow);
      assertArrayEquals(rounded, tensors.floats(narrow), "bf16");
    }
  }

  @Test
  void doesNotDependOnTheThreads() {
    assertArrayEquals(resized(1), resized(3));
  }

  private static float[] resized(int threads) {
    try (Backend cpu = TestBackends.cpu(threads);
        TestTensors own = new TestTensors(cpu)) {
      byte[] bytes = new byte[90 * 120 * 3];
      new Random(4).nextBytes(bytes);
      Tensor slot = own.floatOutput(192, 256, 3);
      cpu.images().resizeNormalize(IDENTITY, own.bytes(bytes, 90, 120, 3), 187, 250, slot);
      return own.floats(slot);
    }
  }

  private static float[] channelsLast(OracleFile oracle, String name, int channels) {
    float[] from = oracle.floats(name);
    int pixels = from.length / channels;
    float[] to = new float[from.length];
    for (int i = 0; i < from.length; i++) {
      to[i % pixels * channels + i / pixels] = from[i];
    }
    return to;
  }
}
