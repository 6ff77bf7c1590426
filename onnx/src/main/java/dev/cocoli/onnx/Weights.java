package dev.cocoli.onnx;

import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The weights of a detector under torchvision's keys and in torch's layouts. It remembers which
 * have gone into a graph, so that a part that the export does not know is not lost in silence.
 */
final class Weights {
  private final Graph graph;
  private final Map<String, Safetensors.Entry> entries;
  private final Map<String, Value> stored = new HashMap<>();
  private final Set<String> unused;

  /**
   * Starts with no weight in the graph.
   *
   * @param graph where they go
   * @param entries the weights
   */
  Weights(Graph graph, Map<String, Safetensors.Entry> entries) {
    this.graph = graph;
    this.entries = entries;
    unused = new LinkedHashSet<>(entries.keySet());
    unused.removeIf(key -> entries.get(key).dtype() != DType.F32); // counters of steps
  }

  boolean has(String key) {
    return entries.containsKey(key);
  }

  /** The weights that are in no graph yet. */
  Set<String> unused() {
    return unused;
  }

  long byteSize() {
    return entries.values().stream().mapToLong(entry -> entry.data().byteSize()).sum();
  }

  long dim(String key, int axis) {
    return take(key).shape().dim(axis);
  }

  private Safetensors.Entry take(String key) {
    Safetensors.Entry entry = entries.get(key);
    if (entry == null) {
      throw new IllegalArgumentException("the weights have no " + key);
    }
    unused.remove(key);
    return entry;
  }

  /** An array as it is. */
  private Value store(String key) {
    Safetensors.Entry entry = take(key);
    return stored.computeIfAbsent(
        key, k -> graph.weight(key, shape(entry), entry.data().asByteBuffer()));
  }

  private static long[] shape(Safetensors.Entry entry) {
    long[] shape = new long[entry.shape().rank()];
    for (int axis = 0; axis < shape.length; axis++) {
      shape[axis] = entry.shape().dim(axis);
    }
    return shape;
  }

  // ---- layers

  /**
   * A convolution whose output has the extent of its input divided by its stride: a window of 1, 3
   * or 7 is padded on both sides.
   *
   * @param x {@code [N,I,H,W]}
   * @param layer the key of the layer, with a bias
   * @param stride of the window
   */
  Value convolution(Value x, String layer, long stride) {
    return convolution(x, layer, store(layer + ".weight"), store(layer + ".bias"), stride);
  }

  /**
   * A convolution with the normalisation after it, as one: the statistics are fixed, so they are a
   * factor of the weight and a bias.
   *
   * @param x {@code [N,I,H,W]}
   * @param layer the key of the convolution, which has no bias
   * @param norm the key of the normalisation
   * @param eps added to the variance
   * @param stride of the window
   */
  Value convolution(Value x, String layer, String norm, float eps, long stride) {
    Safetensors.Entry weight = take(layer + ".weight");
    float[] gamma = floats(norm + ".weight");
    float[] beta = floats(norm + ".bias");
    float[] mean = floats(norm + ".running_mean");
    float[] variance = floats(norm + ".running_var");
    ByteBuffer scaled = Graph.buffer(weight.data().byteSize());
    FloatBuffer into = scaled.asFloatBuffer();
    ByteBuffer bias = Graph.buffer(4L * gamma.length);
    MemorySegment source = weight.data();
    long perChannel = source.byteSize() / Float.BYTES / gamma.length;
    long at = 0;
    for (int channel = 0; channel < gamma.length; channel++) {
      double factor = gamma[channel] / Math.sqrt((double) variance[channel] + eps);
      for (long i = 0; i < perChannel; i++) {
        into.put((float) (factor * source.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * at++)));
      }
      bias.putFloat(4 * channel, (float) (beta[channel] - factor * mean[channel]));
    }
    return convolution(
        x,
        layer,
        graph.weight(layer + ".weight", shape(weight), scaled),
        graph.weight(layer + ".bias", new long[] {gamma.length}, bias),
        stride);
  }

  private Value convolution(Value x, String layer, Value weight, Value bias, long stride) {
    long kernel = dim(layer + ".weight", 2);
    long padding = kernel / 2;
    return graph.node(
        "Conv",
        List.of(x, weight, bias),
        Graph.attribute("kernel_shape", kernel, kernel),
        Graph.attribute("pads", padding, padding, padding, padding),
        Graph.attribute("strides", stride, stride));
  }

  /**
   * A fully connected layer.
   *
   * @param x {@code [M,I]}
   * @param layer the key of the layer
   * @return {@code [M,O]}
   */
  Value linear(Value x, String layer) {
    return graph.node(
        "Gemm",
        List.of(x, store(layer + ".weight"), store(layer + ".bias")),
        Graph.attribute("transB", 1L));
  }

  private float[] floats(String key) {
    return take(key).data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }
}
