package dev.cocoli.backend.cuda.cublas;

import static dev.cocoli.bindings.cublas.Cublas.*;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.DType;

/**
 * All that the plan of a product depends on: {@code x [M,I]}, {@code weight [O,I]}, {@code y
 * [M,O]}, or gradients of them.
 *
 * @param product which two are multiplied
 * @param type of the factors' elements
 * @param outType of the product's elements
 * @param rows M
 * @param in I
 * @param out O
 * @param bias whether one is added to each row
 * @param activation applied last
 * @param alignmentBytes what divides every address
 */
record MatmulShape(
    Product product,
    DType type,
    DType outType,
    long rows,
    long in,
    long out,
    boolean bias,
    Activation activation,
    int alignmentBytes) {
  /** What cuBLAS assumes unless an attribute says otherwise. */
  private static final int WIDEST_BYTES = 256;

  /** Which two are multiplied. */
  enum Product {
    /** {@code y = x weight^T}. */
    FORWARD,
    /** {@code dx = dy weight}. */
    BACKWARD_DATA,
    /** {@code dx += dy weight}. */
    ADD_BACKWARD_DATA,
    /** {@code dWeight = dy^T x}. */
    BACKWARD_WEIGHT,
    /** {@code dWeight += dy^T x}. */
    ADD_BACKWARD_WEIGHT
  }

  /**
   * A matrix as cuBLAS sees it, whose columns lie one after the other. So a row-major matrix is its
   * own transpose, and all products are computed transposed.
   *
   * @param rows extent along which neighbours lie
   * @param columns the other extent; columns begin {@code rows} elements apart
   * @param transposed whether the product reads it transposed
   */
  record Matrix(long rows, long columns, boolean transposed) {}

  /** Returns the first factor: the weights, or x where their gradient is wanted. */
  Matrix a() {
    return switch (product) {
      case FORWARD -> new Matrix(in, out, true);
      case BACKWARD_DATA, ADD_BACKWARD_DATA -> new Matrix(in, out, false);
      case BACKWARD_WEIGHT, ADD_BACKWARD_WEIGHT -> new Matrix(in, rows, false);
    };
  }

  /** Returns the second factor: x, or dy. */
  Matrix b() {
    return switch (product) {
      case FORWARD -> new Matrix(in, rows, false);
      case BACKWARD_DATA, ADD_BACKWARD_DATA -> new Matrix(out, rows, false);
      case BACKWARD_WEIGHT, ADD_BACKWARD_WEIGHT -> new Matrix(out, rows, true);
    };
  }

  /** Returns the product. */
  Matrix d() {
    return switch (product) {
      case FORWARD -> new Matrix(out, rows, false);
      case BACKWARD_DATA, ADD_BACKWARD_DATA -> new Matrix(in, rows, false);
      case BACKWARD_WEIGHT, ADD_BACKWARD_WEIGHT -> new Matrix(in, out, false);
    };
  }

  /** Returns what of the earlier contents is kept. */
  float beta() {
    return switch (product) {
      case FORWARD, BACKWARD_DATA, BACKWARD_WEIGHT -> 0;
      case ADD_BACKWARD_DATA, ADD_BACKWARD_WEIGHT -> 1;
    };
  }

  /** Returns the epilogue that is asked of cuBLAS. */
  int epilogue() {
    if (activation == Activation.RELU) {
      return bias ? CUBLASLT_EPILOGUE_RELU_BIAS() : CUBLASLT_EPILOGUE_RELU();
    }
    return bias ? CUBLASLT_EPILOGUE_BIAS() : CUBLASLT_EPILOGUE_DEFAULT();
  }

  /** Returns the same product without bias and activation. */
  MatmulShape plain() {
    return new MatmulShape(
        product, type, outType, rows, in, out, false, Activation.NONE, alignmentBytes);
  }

  /** Returns the same product with elements of another type. */
  MatmulShape to(DType other) {
    return new MatmulShape(product, type, other, rows, in, out, bias, activation, alignmentBytes);
  }

  /** Returns cuBLAS' number for a type of element. */
  static int dataType(DType dtype) {
    return switch (dtype) {
      case F32 -> CUDA_R_32F();
      case BF16 -> CUDA_R_16BF();
      default -> throw new IllegalArgumentException("cuBLAS does not multiply " + dtype + " here");
    };
  }

  /** Returns the largest power of two, 256 at most, that divides the addresses; 0 is skipped. */
  static int alignment(long... addresses) {
    long joint = WIDEST_BYTES;
    for (long address : addresses) {
      joint |= address;
    }
    return (int) Long.lowestOneBit(joint);
  }
}
