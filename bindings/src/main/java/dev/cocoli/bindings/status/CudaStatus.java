package dev.cocoli.bindings.status;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.cudart.CudaRuntime;

/** Checks the status codes of the CUDA runtime. */
public final class CudaStatus {
  private CudaStatus() {}

  /**
   * Throws an exception if the call failed.
   *
   * @param call the C function that was called, for the message
   * @param error its return value
   * @throws NativeException if the error is not {@code cudaSuccess}
   */
  public static void check(String call, int error) {
    if (error != 0) {
      throw new NativeException("CUDA", call, error, name(error), text(error));
    }
  }

  /** The constant's name, as the library returns it. */
  public static String name(int error) {
    return CStrings.at(CudaRuntime.cudaGetErrorName(error));
  }

  /** The library's description of the error. */
  public static String text(int error) {
    return CStrings.at(CudaRuntime.cudaGetErrorString(error));
  }
}
