package dev.cocoli.backend.cpu.onednn;

import java.util.Arrays;

/**
 * The transforms of Winograd's F(4x4, 3x3): 4 x 4 outputs of a 3 x 3 correlation of 6 x 6 inputs d
 * with weights g are {@code A^T [(G g G^T) * (B^T d B)] A}, where * multiplies element by element:
 * 36 products instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
 * 2015, equation 8). Here a transform is one matrix that multiplies a tile written as a vector: the
 * Kronecker product of the matrix of one dimension with itself.
 *
 * <p>The matrices of one dimension follow from six points, one of them infinity (Toom and Cook).
 * Lavin and Gray take 0, 1, -1, 2, -2. Points that are reciprocals in pairs keep the numbers small
 * (Alam, Anderson, Barabasz and Gregg, "Winograd Convolution for Deep Neural Networks: Efficient
 * Point Selection", 2022): with 2/3 and 3/2 the error is less than half (1.2e-6 against 2.7e-6 of
 * the result's norm with 256 channels).
 */
final class WinogradMatrices {
  /** Outputs of a tile along an axis. */
  static final int OUT = 4;

  /** Inputs of a tile along an axis. */
  static final int IN = 6;

  /** Weights along an axis. */
  static final int KERNEL = 3;

  /** Products of a tile. */
  static final int PRODUCTS = IN * IN;

  private static final double[] POINTS = {0, 2.0 / 3, -2.0 / 3, 3.0 / 2, -3.0 / 2};

  private WinogradMatrices() {}

  /** {@return B^T twice: {@code [36,36]}, for tiles of the input} */
  static float[] input() {
    double[][] matrix = new double[IN][IN];
    for (int i = 0; i < IN; i++) {
      // the polynomial whose roots are the other points; for infinity all of them
      double[] polynomial = {1};
      for (int j = 0; j < POINTS.length; j++) {
        if (j != i) {
          polynomial = timesRoot(polynomial, POINTS[j]);
        }
      }
      System.arraycopy(polynomial, 0, matrix[i], 0, polynomial.length);
    }
    return squared(matrix);
  }

  /** {@return G twice: {@code [36,9]}, for weights} */
  static float[] weights() {
    return factors(KERNEL);
  }

  /** {@return G of F(3x3, 4x4) twice: {@code [36,16]}, for tiles of the output's gradient} */
  static float[] outputGradient() {
    return factors(OUT);
  }

  private static float[] factors(int extent) {
    double[][] matrix = new double[IN][extent];
    for (int i = 0; i < POINTS.length; i++) {
      double scale = 1;
      for (int j = 0; j < POINTS.length; j++) {
        scale *= j == i ? 1 : POINTS[i] - POINTS[j];
      }
      for (int k = 0; k < extent; k++) {
        matrix[i][k] = Math.pow(POINTS[i], k) / scale;
      }
    }
    matrix[IN - 1][extent - 1] = 1;
    return squared(matrix);
  }

  /** {@return G twice, for weights whose rows and columns run backwards} */
  static float[] flippedWeights() {
    float[] matrix = weights();
    int taps = KERNEL * KERNEL;
    float[] flipped = new float[matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      flipped[i] = matrix[i / taps * taps + taps - 1 - i % taps];
    }
    return flipped;
  }

  /** {@return A^T twice: {@code [16,36]}, for products} */
  static float[] output() {
    return sums(OUT);
  }

  /** {@return A^T of F(3x3, 4x4) twice: {@code [9,36]}, for products} */
  static float[] weightGradient() {
    return sums(KERNEL);
  }

  private static float[] sums(int extent) {
    double[][] matrix = new double[extent][IN];
    for (int k = 0; k < extent; k++) {
      for (int i = 0; i < POINTS.length; i++) {
        matrix[k][i] = Math.pow(POINTS[i], k);
      }
    }
    matrix[extent - 1][IN - 1] = 1;
    return squared(matrix);
  }

  /** {@return the coefficients, the constant first, of a polynomial times (x - root)} */
  private static double[] timesRoot(double[] polynomial, double root) {
    double[] product = Arrays.copyOf(polynomial, polynomial.length + 1);
    for (int i = 0; i < product.length; i++) {
      product[i] =
          (i > 0 ? polynomial[i - 1] : 0) - root * (i < polynomial.length ? polynomial[i] : 0);
    }
    return product;
  }

  /** {@return the Kronecker product of a matrix with itself, row by row} */
  private static float[] squared(double[][] matrix) {
    int rows = matrix.length;
    int columns = matrix[0].length;
    float[] result = new float[rows * rows * columns * columns];
    int at = 0;
    for (int i = 0; i < rows * rows; i++) {
      for (int j = 0; j < columns * columns; j++) {
        result[at++] = (float) (matrix[i / rows][j / columns] * matrix[i % rows][j % columns]);
      }
    }
    return result;
  }
}
