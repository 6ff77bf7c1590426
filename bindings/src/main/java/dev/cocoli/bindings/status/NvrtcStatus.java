package dev.cocoli.bindings.status;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.nvrtc.Nvrtc;

/** Checks the status codes of NVRTC. */
public final class NvrtcStatus {
  private NvrtcStatus() {}

  /**
   * Throws an exception if the call failed.
   *
   * @param call the C function that was called, for the message
   * @param result what it returned
   * @throws NativeException if the result is not {@code NVRTC_SUCCESS}
   */
  public static void check(String call, int result) {
    check(call, result, "see the program's log");
  }

  /**
   * Throws an exception with the compiler's output if the call failed.
   *
   * @param call the C function that was called, for the message
   * @param result what it returned
   * @param log the compiler's output
   * @throws NativeException if the result is not {@code NVRTC_SUCCESS}
   */
  public static void check(String call, int result, String log) {
    if (result != 0) {
      String name = CStrings.at(Nvrtc.nvrtcGetErrorString(result));
      throw new NativeException("NVRTC", call, result, name, log);
    }
  }
}
