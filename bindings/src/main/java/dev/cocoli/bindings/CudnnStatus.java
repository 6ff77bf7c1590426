package dev.cocoli.bindings;

import dev.cocoli.bindings.cudnn.Cudnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Checks what cuDNN's functions return. */
public final class CudnnStatus {
  private static final long TEXT_BYTE_SIZE = 4096;

  private CudnnStatus() {}

  /**
   * Does nothing when the call succeeded.
   *
   * @param call the C function that was called, for the message
   * @param status what it returned
   * @throws NativeException when the status is not {@code CUDNN_STATUS_SUCCESS}
   */
  public static void check(String call, int status) {
    if (status != 0) {
      String name = CStrings.at(Cudnn.cudnnGetErrorString(status));
      throw new NativeException("cuDNN", call, status, name, lastError());
    }
  }

  /** What this thread's last failed call left behind. */
  private static String lastError() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(TEXT_BYTE_SIZE);
      Cudnn.cudnnGetLastErrorString(text, TEXT_BYTE_SIZE);
      String line = text.getString(0).strip().replace('\n', ' ');
      return line.isEmpty() ? "no more is known (CUDNN_LOGLEVEL_DBG=2 logs it)" : line;
    }
  }
}
