package dev.cocoli.bindings;

import dev.cocoli.bindings.cublas.Cublas;

/** Checks what the functions of cuBLAS and cuBLASLt return. */
public final class CublasStatus {
  private CublasStatus() {}

  /**
   * Does nothing when the call succeeded.
   *
   * @param call the C function that was called, for the message
   * @param status what it returned
   * @throws NativeException when the status is not {@code CUBLAS_STATUS_SUCCESS}
   */
  public static void check(String call, int status) {
    if (status != 0) {
      throw new NativeException(
          "cuBLAS",
          call,
          status,
          CStrings.at(Cublas.cublasGetStatusName(status)),
          CStrings.at(Cublas.cublasGetStatusString(status)));
    }
  }
}
