package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.Tensor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Measures the convolutions of {@code fasterrcnn_resnet50_fpn} and their gradients. Each distinct
 * shape is measured once, under the name of the first layer that has it. The last two layers of the
 * region proposal network on its coarser maps are left out: they are the same layers on less data.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ConvolutionBenchmark {
  /** Height x width of the image. */
  @Param("800x1088")
  public String size;

  /** Images per batch. */
  @Param("1")
  public int batch;

  /** The layer. */
  @Param({
    "conv1",
    "layer1.0.conv1",
    "layer1.0.conv2",
    "layer1.0.conv3",
    "layer1.1.conv1",
    "layer2.0.conv1",
    "layer2.0.conv2",
    "layer2.0.conv3",
    "layer2.0.downsample.0",
    "layer2.1.conv1",
    "layer2.1.conv2",
    "layer3.0.conv1",
    "layer3.0.conv2",
    "layer3.0.conv3",
    "layer3.0.downsample.0",
    "layer3.1.conv1",
    "layer3.1.conv2",
    "layer4.0.conv1",
    "layer4.0.conv2",
    "layer4.0.conv3",
    "layer4.0.downsample.0",
    "layer4.1.conv1",
    "layer4.1.conv2",
    "fpn.inner_blocks.3.0",
    "fpn.layer_blocks.3.0",
    "fpn.layer_blocks.1.0",
    "fpn.inner_blocks.0.0",
    "fpn.layer_blocks.0.0",
    "rpn.head.cls_logits",
    "rpn.head.bbox_pred",
    "rpn.head.conv.0.0"
  })
  public String layer;

  private Backend backend;
  private Conv2dSpec spec;
  private Tensor x;
  private Tensor weight;
  private Tensor y;
  private Tensor dx;
  private Tensor dWeight;

  /**
   * Creates the tensors.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    ConvolutionLayer found =
        ConvolutionLayer.distinct("resnet50", ImageSize.parse(size)).stream()
            .filter(one -> one.name().equals(layer))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("no layer " + layer));
    backend = state.backend();
    spec = found.spec();
    x = state.activation(batch, found.height(), found.width(), found.in());
    weight = state.uniform(found.out(), spec.kernel(), spec.kernel(), found.in());
    y = state.activation(batch, found.outHeight(), found.outWidth(), found.out());
    dx = state.activation(batch, found.height(), found.width(), found.in());
    dWeight = state.empty(found.out(), spec.kernel(), spec.kernel(), found.in());
  }

  /** Runs the forward pass; the weights are packed already, as in detection. */
  @Benchmark
  public void forward() {
    backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
    backend.transfers().synchronize();
  }

  /** Computes the gradient by the input. */
  @Benchmark
  public void backwardData() {
    backend.convolutions().conv2dBackwardData(spec, y, weight, null, null, null, null, dx);
    backend.transfers().synchronize();
  }

  /** Computes the gradient by the weight. */
  @Benchmark
  public void backwardWeight() {
    backend.convolutions().conv2dBackwardWeight(spec, x, y, null, dWeight, null);
    backend.transfers().synchronize();
  }
}
