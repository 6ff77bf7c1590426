package dev.cocoli.benchmarks;

import dev.cocoli.data.Batch;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.detection.LossValues;
import dev.cocoli.files.Folder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
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

/**
 * Measures the images per second of training from files. Threads decode ahead of the steps, as in
 * the trainer. The counter {@code images} is the result; the score is batches per second.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 2, time = 10)
@Measurement(iterations = 5, time = 10)
@Timeout(time = 30, timeUnit = TimeUnit.MINUTES)
public class ThroughputBenchmark {
  private static final int FILES = 32;

  /** The model's name. */
  @Param("fasterrcnn_resnet18_fpn")
  public String model;

  /** Height x width of the files, which the model does not resize. */
  @Param("480x640")
  public String size;

  /** Images per step. */
  @Param("2")
  public int batch;

  private Path folder;
  private DetectorRun run;
  private DataLoader loader;
  private Epoch epoch;
  private int epochs;
  private long step;

  /** Counts images. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Counter {
    /** Images trained on. */
    public long images;
  }

  /**
   * Draws the files and creates the model.
   *
   * @param state the device
   * @throws IOException if a file cannot be written
   */
  @Setup
  public void setUp(DeviceState state) throws IOException {
    ImageSize image = ImageSize.parse(size);
    folder = SyntheticData.voc(image, FILES);
    Dataset dataset = VocDataset.open(folder, "train");
    loader = new DataLoader(dataset, DataLoaderConfig.of(batch), _ -> {});
    run =
        DetectorRun.forTraining(
            state.backend(), SyntheticModel.spec(model, image), state.precision());
    run.initialize(0);
    epoch = loader.epoch(epochs++, 0);
  }

  /**
   * Stops the threads and deletes the files.
   *
   * @throws IOException if that fails
   */
  @TearDown
  public void tearDown() throws IOException {
    epoch.close();
    loader.close();
    run.close();
    Folder.delete(folder);
  }

  /**
   * {@return the losses of a step on the next batch}
   *
   * @param counter counts the images
   */
  @Benchmark
  public LossValues train(Counter counter) {
    if (!epoch.hasNext()) {
      epoch.close();
      epoch = loader.epoch(epochs++, 0);
    }
    try (Batch next = epoch.next()) {
      LossValues losses = run.train(next, step++, 1e-4f);
      counter.images += next.samples().size();
      return losses;
    }
  }
}
