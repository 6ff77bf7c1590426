package dev.cocoli.benchmarks;

import dev.cocoli.data.image.Image;
import dev.cocoli.detection.LossValues;
import dev.cocoli.nn.Norm;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Timeout;
import org.openjdk.jmh.annotations.Warmup;

/** Measures a whole detection and a whole training step, starting with pixels in memory. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 2, time = 5)
@Measurement(iterations = 5, time = 5)
@Timeout(time = 30, timeUnit = TimeUnit.MINUTES)
public class DetectorBenchmark {
  /** The model's name. */
  @Param("fasterrcnn_resnet50_fpn")
  public String model;

  /** Height x width of the image, which the model does not resize. */
  @Param("800x1088")
  public String size;

  /** Images per batch. */
  @Param("1")
  public int batch;

  /** BATCH, trained with the statistics of the batch, or FROZEN. */
  @Param("BATCH")
  public Norm.Type norm;

  private final List<Image> images = new ArrayList<>();
  private final List<Target> targets = new ArrayList<>();
  private DetectorRun run;
  private long step;

  /**
   * Creates a model that can detect and train.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    ImageSize image = ImageSize.parse(size);
    run =
        DetectorRun.forTraining(
            state.backend(), SyntheticModel.spec(model, image, norm), state.precision());
    run.initialize(0);
    for (int i = 0; i < batch; i++) {
      images.add(SyntheticModel.noise(image, state.random()));
      targets.add(SyntheticModel.twoObjects(image));
    }
  }

  /** Frees the model. */
  @TearDown
  public void tearDown() {
    images.forEach(Image::close);
    run.close();
  }

  /** {@return the detections} */
  @Benchmark
  public List<List<Detection>> detect() {
    return run.detect(images);
  }

  /** {@return the losses} */
  @Benchmark
  public LossValues train() {
    // random weights between frozen norms would not stay finite
    float learningRate = norm == Norm.Type.FROZEN ? 0 : 1e-4f;
    return run.train(images, targets, step++, learningRate);
  }
}
