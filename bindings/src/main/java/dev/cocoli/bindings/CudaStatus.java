package dev.cocoli.bindings;

import dev.cocoli.bindings.cudart.CudaRuntime;

/** Checks what the CUDA runtime's functions return. */
public final class CudaStatus {
  private CudaStatus() {}

  /**
   * Does nothing when the call succeeded.
   *
   * @param call the C function that was called, for the message
   * @param error what it returned
   * @throws NativeException when the error is not {@code cudaSuccess}
   */
  public static void check(String call, int error) {
    if (error != 0) {
      throw new NativeException("CUDA", call, error, name(error), text(error));
    }
  }

  /** The constant's name, from the library. */
  static String name(int error) {
    return CStrings.at(CudaRuntime.cudaGetErrorName(error));
  }

  /** What the library says of the error. */
  static String text(int error) {
    return CStrings.at(CudaRuntime.cudaGetErrorString(error));
  }
}
