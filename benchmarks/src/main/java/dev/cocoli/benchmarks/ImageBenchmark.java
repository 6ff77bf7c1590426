package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
import org.openjdk.jmh.annotations.Warmup;

/** Measures decoding an image file, and resizing and normalising its pixels. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ImageBenchmark {
  /** Height x width of the file. */
  @Param({"480x640", "1080x1920"})
  public String file;

  /** Height x width after resizing. */
  @Param("800x1088")
  public String size;

  private final NormalizeSpec normalize =
      new NormalizeSpec(new float[] {0.485f, 0.456f, 0.406f}, new float[] {0.229f, 0.224f, 0.225f});
  private final ImageDecoder decoder = new ImageDecoder();
  private Backend backend;
  private Path path;
  private ImageSize resized;
  private Tensor pixels;
  private Tensor slot;

  /**
   * Draws the image and writes the file.
   *
   * @param state the device
   * @throws IOException if it cannot be written
   */
  @Setup
  public void setUp(DeviceState state) throws IOException {
    backend = state.backend();
    path = SyntheticData.jpeg(ImageSize.parse(file));
    resized = ImageSize.parse(size);
    slot = state.empty(resized.height(), resized.width(), 3);
    try (Image image = decoder.decode(path)) {
      pixels = state.empty(DType.U8, image.height(), image.width(), 3);
      backend.transfers().upload(image.pixels(), pixels);
    }
  }

  /**
   * Deletes the file.
   *
   * @throws IOException if that fails
   */
  @TearDown
  public void tearDown() throws IOException {
    Files.delete(path);
  }

  /** {@return the rows of the decoded JPEG} */
  @Benchmark
  public int decode() {
    try (Image image = decoder.decode(path)) {
      return image.height();
    }
  }

  /** Resizes and normalises the image. */
  @Benchmark
  public void transform() {
    backend.images().resizeNormalize(normalize, pixels, resized.height(), resized.width(), slot);
    backend.transfers().synchronize();
  }
}
