package dev.cocoli.bindings.status;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.cudnn.Cudnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Checks the status codes of cuDNN. */
public final class CudnnStatus {
  private static final long TEXT_BYTE_SIZE = 4096;

  private CudnnStatus() {}

  /**
   * Throws an exception if the call failed.
   *
   * @param call the C function that was called, for the message
   * @param status its return value
   * @throws NativeException if the status is not {@code CUDNN_STATUS_SUCCESS}
   */
  public static void check(String call, int status) {
    if (status != 0) {
      String name = CStrings.at(Cudnn.cudnnGetErrorString(status));
      throw new NativeException("cuDNN", call, status, name, lastError());
    }
  }

  /** The message that cuDNN stored for this thread's last failed call. */
  private static String lastError() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(TEXT_BYTE_SIZE);
      Cudnn.cudnnGetLastErrorString(text, TEXT_BYTE_SIZE);
      String line = text.getString(0).strip().replace('\n', ' ');
      return line.isEmpty() ? "no more is known (CUDNN_LOGLEVEL_DBG=2 logs it)" : line;
    }
  }
}
