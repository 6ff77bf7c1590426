package dev.cocoli.detection;

import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Box;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads what torchvision computed, in torch's layouts. */
final class Reference implements AutoCloseable {
  private final Safetensors file;

  Reference(Path folder) throws IOException {
    this(folder, "expected");
  }

  Reference(Path folder, String name) throws IOException {
    file = Safetensors.open(folder.resolve(name + ".safetensors"));
  }

  Map<String, String> metadata() {
    return file.metadata();
  }

  boolean has(String name) {
    return file.entries().containsKey(name);
  }

  List<String> names(String prefix) {
    return file.entries().keySet().stream().filter(name -> name.startsWith(prefix)).toList();
  }

  long[] shape(String name) {
    return entry(name).shape().toArray();
  }

  float[] floats(String name) {
    return entry(name).data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  long[] longs(String name) {
    return entry(name).data().toArray(ValueLayout.JAVA_LONG_UNALIGNED);
  }

  private Safetensors.Entry entry(String name) {
    Safetensors.Entry entry = file.entries().get(name);
    if (entry == null) {
      throw new AssertionError("the reference has no " + name);
    }
    return entry;
  }

  /** A map {@code [C,H,W]} or batch {@code [N,C,H,W]}, channels last. */
  float[] channelsLast(String name) {
    long[] shape = shape(name);
    int rank = shape.length;
    int images = rank == 4 ? (int) shape[0] : 1;
    int channels = (int) shape[rank - 3];
    int pixels = (int) (shape[rank - 2] * shape[rank - 1]);
    float[] from = floats(name);
    float[] to = new float[from.length];
    for (int n = 0; n < images; n++) {
      for (int c = 0; c < channels; c++) {
        for (int p = 0; p < pixels; p++) {
          to[(n * pixels + p) * channels + c] = from[(n * channels + c) * pixels + p];
        }
      }
    }
    return to;
  }

  List<Box> boxes(String name) {
    float[] values = floats(name);
    List<Box> boxes = new ArrayList<>();
    for (int i = 0; i < values.length; i += 4) {
      boxes.add(new Box(values[i], values[i + 1], values[i + 2], values[i + 3]));
    }
    return boxes;
  }

  @Override
  public void close() {
    file.close();
  }
}
