package dev.cocoli.bindings;

import dev.cocoli.bindings.nvrtc.Nvrtc;

/** Checks what NVRTC's functions return. */
public final class NvrtcStatus {
  private NvrtcStatus() {}

  /**
   * Does nothing when the call succeeded.
   *
   * @param call the C function that was called, for the message
   * @param result what it returned
   * @throws NativeException when the result is not {@code NVRTC_SUCCESS}
   */
  public static void check(String call, int result) {
    check(call, result, "see the program's log");
  }

  /**
   * Does nothing when the call succeeded.
   *
   * @param call the C function that was called, for the message
   * @param result what it returned
   * @param log what the compiler wrote
   * @throws NativeException when the result is not {@code NVRTC_SUCCESS}
   */
  public static void check(String call, int result, String log) {
    if (result != 0) {
      String name = CStrings.at(Nvrtc.nvrtcGetErrorString(result));
      throw new NativeException("NVRTC", call, result, name, log);
    }
  }
}
