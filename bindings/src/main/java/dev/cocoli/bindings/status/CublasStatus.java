package dev.cocoli.bindings.status;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.cublas.Cublas;

/** Checks the status codes of cuBLAS and cuBLASLt. */
public final class CublasStatus {
  private CublasStatus() {}

  /**
   * Throws an exception if the call failed.
   *
   * @param call the C function that was called, for the message
   * @param status its return value
   * @throws NativeException if the status is not {@code CUBLAS_STATUS_SUCCESS}
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
