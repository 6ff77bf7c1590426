package dev.cocoli.detection;

import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.nn.Module;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;

/**
 * Weights that follow from their keys: those of the reference scripts {@code vgg.py} and {@code
 * hashed.py}, which need no file therefore.
 */
final class HashedWeights {
  private static final double GAIN = 1.4;
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private HashedWeights() {}

  /** The state of a model, in torch's layouts. */
  static Map<String, Safetensors.Entry> of(Module model) {
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
    model
        .namedParameters()
        .forEach(
            (key, parameter) -> {
              Shape shape = parameter.layout().torchShape(parameter.shape());
              float[] values = values(key, shape);
              entries.put(
                  key, new Safetensors.Entry(DType.F32, shape, MemorySegment.ofArray(values)));
            });
    return entries;
  }

  private static float[] values(String key, Shape shape) {
    CRC32 crc = new CRC32();
    crc.update(key.getBytes(StandardCharsets.UTF_8));
    float[] values = new float[Math.toIntExact(shape.elementCount())];
    for (int i = 0; i < values.length; i++) {
      double uniform =
          (SampleKey.mix((crc.getValue() << 32) + i + GOLDEN_GAMMA) >>> 40) / 0x1p24 * 2 - 1;
      double value = uniform * Math.sqrt(3.0);
      values[i] =
          (float)
              (shape.rank() == 1
                  ? centre(key) + 0.1 * value
                  : value * gain(key) / Math.sqrt((double) values.length / shape.dim(0)));
    }
    return values;
  }

  private static int centre(String key) {
    if (key.endsWith("running_var")) {
      return 2;
    }
    boolean scale = key.contains(".bn") || key.contains("downsample.1");
    return scale && key.endsWith("weight") ? 1 : 0;
  }

  private static double gain(String key) {
    return key.endsWith("bbox_pred.weight") ? 0.3 : GAIN;
  }
}
