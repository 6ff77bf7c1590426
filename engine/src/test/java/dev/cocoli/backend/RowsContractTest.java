package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What picking rows and putting them back owe. */
class RowsContractTest extends BackendContract {
  private static final int[] PICKED = {4, -1, 0, 2, 1, 3, -1, -1};

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 8, 9, 67, 256})
  void gathersRowsImageByImage(int columns) {
    float[] x = values(new Random(1), 2 * 5 * columns);
    Tensor y = tensors.floatOutput(2, 4, columns);
    backend.regions().gatherRows(tensors.floats(x, 2, 5, columns), tensors.ints(PICKED, 2, 4), y);
    assertArrayEquals(gathered(x, columns), tensors.floats(y));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 40})
  void gathersIntegersWithMinusOneForNoRow(int columns) {
    int[] x = new Random(2).ints(2L * 5 * columns).toArray();
    Tensor y = tensors.intOutput(2, 4, columns);
    backend.regions().gatherRows(tensors.ints(x, 2, 5, columns), tensors.ints(PICKED, 2, 4), y);
    int[] expected = new int[2 * 4 * columns];
    for (int i = 0; i < PICKED.length; i++) {
      for (int c = 0; c < columns; c++) {
        expected[i * columns + c] = PICKED[i] < 0 ? -1 : x[(i / 4 * 5 + PICKED[i]) * columns + c];
      }
    }
    assertArrayEquals(expected, tensors.ints(y));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 33})
  void scattersRowsAndClearsTheOthers(int columns) {
    float[] dy = values(new Random(3), 2 * 4 * columns);
    Tensor dx = tensors.floatOutput(2, 5, columns);
    backend
        .regions()
        .scatterRows(tensors.floats(dy, 2, 4, columns), tensors.ints(PICKED, 2, 4), dx);
    float[] expected = new float[2 * 5 * columns];
    for (int i = 0; i < PICKED.length; i++) {
      if (PICKED[i] >= 0) {
        System.arraycopy(dy, i * columns, expected, (i / 4 * 5 + PICKED[i]) * columns, columns);
      }
    }
    assertArrayEquals(expected, tensors.floats(dx));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void takesNoRows(int images) {
    Tensor indices = tensors.ints(new int[0], images, 0);
    Tensor y = tensors.floatOutput(images, 0, 7);
    Tensor dx = tensors.floatOutput(images, 3, 7);
    backend.regions().gatherRows(tensors.floats(new float[images * 21], images, 3, 7), indices, y);
    backend.regions().scatterRows(y, indices, dx);
    assertArrayEquals(new float[images * 21], tensors.floats(dx));
  }

  private static float[] gathered(float[] x, int columns) {
    float[] y = new float[PICKED.length * columns];
    for (int i = 0; i < PICKED.length; i++) {
      int from = (i / 4 * 5 + PICKED[i]) * columns;
      float[] row =
          PICKED[i] < 0 ? new float[columns] : Arrays.copyOfRange(x, from, from + columns);
      System.arraycopy(row, 0, y, i * columns, columns);
    }
    return y;
  }
}
