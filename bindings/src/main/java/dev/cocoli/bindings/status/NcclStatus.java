package dev.cocoli.bindings.status;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.nccl.Nccl;
import java.lang.foreign.MemorySegment;

/** Checks the status codes of NCCL. */
public final class NcclStatus {
  private NcclStatus() {}

  /**
   * Throws an exception if the call failed.
   *
   * @param call the C function that was called, for the message
   * @param result its return value
   * @throws NativeException if the result is not {@code ncclSuccess}
   */
  public static void check(String call, int result) {
    if (result != 0) {
      String text = CStrings.at(Nccl.ncclGetErrorString(result));
      String last = CStrings.at(Nccl.ncclGetLastError(MemorySegment.NULL)).strip();
      throw new NativeException(
          "NCCL", call, result, name(result), last.isEmpty() ? text : text + ": " + last);
    }
  }

  private static String name(int result) {
    if (result == Nccl.ncclUnhandledCudaError()) {
      return "ncclUnhandledCudaError";
    } else if (result == Nccl.ncclSystemError()) {
      return "ncclSystemError";
    } else if (result == Nccl.ncclInternalError()) {
      return "ncclInternalError";
    } else if (result == Nccl.ncclInvalidArgument()) {
      return "ncclInvalidArgument";
    } else if (result == Nccl.ncclInvalidUsage()) {
      return "ncclInvalidUsage";
    } else if (result == Nccl.ncclRemoteError()) {
      return "ncclRemoteError";
    } else if (result == Nccl.ncclInProgress()) {
      return "ncclInProgress";
    } else if (result == Nccl.ncclTimeout()) {
      return "ncclTimeout";
    }
    return "unknown result";
  }
}
