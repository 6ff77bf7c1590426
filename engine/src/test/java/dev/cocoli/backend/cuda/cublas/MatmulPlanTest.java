package dev.cocoli.backend.cuda.cublas;

import static dev.cocoli.bindings.cublas.Cublas.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.cuda.CudaSettings;
import dev.cocoli.backend.cuda.cublas.MatmulShape.Product;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.tensor.DType;
import dev.cocoli.testing.Nvidia;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Row-major products as cublasLt, which counts columns first, is told of them. */
class MatmulPlanTest {
  private static final int M = 3;
  private static final int I = 5;
  private static final int O = 4;

  private static MatmulShape shape(Product product, boolean bias, Activation activation) {
    return new MatmulShape(product, DType.BF16, DType.F32, M, I, O, bias, activation, 64);
  }

  /** What cublasLt does by its documentation: D = op(A) op(B) + beta C, all by columns. */
  private static double[] multiply(MatmulShape shape, double[] a, double[] b, double[] c) {
    int m = (int) shape.d().rows();
    int n = (int) shape.d().columns();
    MatmulShape.Matrix first = shape.a();
    int k = (int) (first.transposed() ? first.rows() : first.columns());
    double[] d = new double[m * n];
    for (int row = 0; row < m; row++) {
      for (int column = 0; column < n; column++) {
        double sum = shape.beta() * c[column * m + row];
        for (int j = 0; j < k; j++) {
          sum += at(shape.a(), a, row, j) * at(shape.b(), b, j, column);
        }
        d[column * m + row] = sum;
      }
    }
    return d;
  }

  private static double at(MatmulShape.Matrix matrix, double[] x, int row, int column) {
    return matrix.transposed()
        ? x[(int) (row * matrix.rows()) + column]
        : x[(int) (column * matrix.rows()) + row];
  }

  private static double[] random(int count, long seed) {
    return new SplittableRandom(seed).doubles(count, -1, 1).toArray();
  }

  @ParameterizedTest
  @EnumSource
  void productsAreThoseOfTheLayer(Product product) {
    double[] x = random(M * I, 1);
    double[] weight = random(O * I, 2);
    double[] dy = random(M * O, 3);
    MatmulShape shape = shape(product, false, Activation.NONE);
    double[] before = random((int) (shape.d().rows() * shape.d().columns()), 4);
    double[] expected = new double[before.length];
    for (int m = 0; m < M; m++) {
      for (int i = 0; i < I; i++) {
        for (int o = 0; o < O; o++) {
          switch (product) {
            case FORWARD -> expected[m * O + o] += x[m * I + i] * weight[o * I + i];
            case BACKWARD_DATA, ADD_BACKWARD_DATA ->
                expected[m * I + i] += dy[m * O + o] * weight[o * I + i];
            case BACKWARD_WEIGHT, ADD_BACKWARD_WEIGHT ->
                expected[o * I + i] += dy[m * O + o] * x[m * I + i];
          }
        }
      }
    }
    if (product == Product.ADD_BACKWARD_WEIGHT || product == Product.ADD_BACKWARD_DATA) {
      for (int j = 0; j < expected.length; j++) {
        expected[j] += before[j];
      }
    }
    double[] actual =
        switch (product) {
          case FORWARD -> multiply(shape, weight, x, before);
          case BACKWARD_DATA, ADD_BACKWARD_DATA -> multiply(shape, weight, dy, before);
          case BACKWARD_WEIGHT, ADD_BACKWARD_WEIGHT -> multiply(shape, x, dy, before);
        };
    assertArrayEquals(expected, actual, 1e-12);
  }

  @Test
  void theLibraryKeepsWhatItIsTold() {
    Nvidia.require(NvidiaLibrary.CUBLAS);
    CudaSettings strict = new CudaSettings(false, false, false, 1L << 30, false, false, 20);
    CudaSettings tf32 = new CudaSettings(false, true, false, 1L << 30, false, false, 20);
    try (MatmulPlan plan = new MatmulPlan(shape(Product.FORWARD, true, Activation.RELU), strict)) {
      assertEquals(CUBLAS_OP_T(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_TRANSA()));
      assertEquals(CUBLAS_OP_N(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_TRANSB()));
      assertEquals(
          CUBLASLT_EPILOGUE_RELU_BIAS(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_EPILOGUE()));
      assertEquals(CUDA_R_32F(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE()));
      assertEquals(
          CUBLAS_COMPUTE_32F(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE()));
      assertEquals(CUDA_R_32F(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_SCALE_TYPE()));
    }
    MatmulShape gradient = shape(Product.ADD_BACKWARD_WEIGHT, false, Activation.NONE);
    try (MatmulPlan plan = new MatmulPlan(gradient, tf32)) {
      assertEquals(CUBLAS_OP_N(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_TRANSA()));
      assertEquals(CUBLAS_OP_T(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_TRANSB()));
      assertEquals(
          CUBLASLT_EPILOGUE_DEFAULT(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_EPILOGUE()));
      // TF32 takes fp32 operands only
      assertEquals(
          CUBLAS_COMPUTE_32F(), plan.operationAttribute(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE()));
    }
    MatmulShape fp32 =
        new MatmulShape(Product.FORWARD, DType.F32, DType.F32, M, I, O, false, Activation.NONE, 64);
    try (MatmulPlan plan = new MatmulPlan(fp32, tf32)) {
      assertEquals(
          CUBLAS_COMPUTE_32F_FAST_TF32(),
          plan.operationAttribute(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE()));
    }
  }

  @Test
  void alignmentIsThatOfTheWorst() {
    assertEquals(256, MatmulShape.alignment(0x1000, 0x2000));
    assertEquals(64, MatmulShape.alignment(0x1000, 0x2040));
    assertEquals(4, MatmulShape.alignment(0x1000, 0x2044, 0));
  }
}
