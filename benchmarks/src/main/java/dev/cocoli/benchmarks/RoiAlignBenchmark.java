package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
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

/** Measures RoIAlign over a pyramid, forward and backward. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class RoiAlignBenchmark {
  private static final int CHANNELS = 256;
  private static final int BINS = 7;
  private static final int SAMPLING_RATIO = 2;

  /** Height x width of the image. */
  @Param("800x1088")
  public String size;

  /** The number of regions: 512 in training, 1000 in detection. */
  @Param({"512", "1000"})
  public int regions;

  private final RoiAlignSpec spec =
      new RoiAlignSpec(
          BINS, SAMPLING_RATIO, false, new float[] {1 / 4f, 1 / 8f, 1 / 16f, 1 / 32f}, 224, 4);
  private Backend backend;
  private List<Tensor> maps;
  private List<Tensor> dMaps;
  private Tensor rois;
  private Tensor y;

  /**
   * Creates the tensors.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    ImageSize image = ImageSize.parse(size);
    backend = state.backend();
    maps = new ArrayList<>();
    dMaps = new ArrayList<>();
    for (long[] map : image.maps().subList(0, 4)) {
      maps.add(state.activation(1, map[0], map[1], CHANNELS));
      dMaps.add(state.activation(1, map[0], map[1], CHANNELS));
    }
    rois = state.empty(regions, 5);
    Tensor boxes = state.boxes(regions, image.height(), image.width());
    backend.copies().copyColumns(boxes.reshape(regions, 4), 0, rois, 1, 4);
    y = state.activation(regions, BINS, BINS, CHANNELS);
  }

  /** Runs the forward pass. */
  @Benchmark
  public void forward() {
    backend.regions().roiAlign(spec, maps, rois, y);
    backend.transfers().synchronize();
  }

  /** Computes the gradient by the maps. */
  @Benchmark
  public void backward() {
    backend.regions().roiAlignBackward(spec, y, rois, dMaps);
    backend.transfers().synchronize();
  }
}
