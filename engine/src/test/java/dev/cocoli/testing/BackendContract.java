package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** The base of contract tests: the tests of a subclass run on every backend. */
@Tag("contract")
@ParameterizedClass
@MethodSource("dev.cocoli.testing.TestBackends#all")
public abstract class BackendContract {
  /** The backend under test. */
  @Parameter protected Backend backend;

  /** The tensors of the test. */
  protected TestTensors tensors;

  @BeforeEach
  void openTensors() {
    tensors = new TestTensors(backend);
  }

  @AfterEach
  void closeTensors() {
    tensors.close();
  }

  /**
   * {@return a tensor of normally distributed numbers}
   *
   * @param random the generator
   * @param dims its extents
   */
  protected Tensor gaussians(Random random, long... dims) {
    return tensors.floats(values(random, Math.toIntExact(Shape.of(dims).elementCount())), dims);
  }

  /**
   * {@return normally distributed numbers}
   *
   * @param random the generator
   * @param count the number of values
   */
  protected static float[] values(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /**
   * {@return boxes, some of them small, most inside the image}
   *
   * @param random the generator
   * @param count the number of boxes
   * @param width the width of the image
   * @param height the height of the image
   */
  protected static float[] boxes(Random random, int count, float width, float height) {
    float[] boxes = new float[4 * count];
    for (int i = 0; i < count; i++) {
      boxes[4 * i] = random.nextFloat() * width;
      boxes[4 * i + 1] = random.nextFloat() * height;
      boxes[4 * i + 2] = boxes[4 * i] + 1 + random.nextFloat() * random.nextFloat() * width;
      boxes[4 * i + 3] = boxes[4 * i + 1] + 1 + random.nextFloat() * random.nextFloat() * height;
    }
    return boxes;
  }
}
