package dev.cocoli.backend.cuda.graphs;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.bindings.CudaStatus;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.cudart.cudaGraphExecUpdateResultInfo_st;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Recorded work that a stream runs by one call. It can become other work; where that differs by
 * addresses and numbers alone, this costs a fraction of making it anew.
 */
final class ExecutableGraph implements AutoCloseable {
  private NativeHandle executable;

  /** Makes one that is nothing yet. */
  ExecutableGraph() {}

  /** Becomes what was recorded. Launches that have been queued run as what it was. */
  void become(NativeHandle recorded) {
    if (executable != null && update(recorded)) {
      return;
    }
    close();
    executable =
        NativeHandle.create(
            CudaStatus::check,
            "cudaGraphInstantiate",
            out -> cudaGraphInstantiate(out, recorded.pointer(), 0),
            pointer -> CudaStatus.check("cudaGraphExecDestroy", cudaGraphExecDestroy(pointer)));
  }

  private boolean update(NativeHandle recorded) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = cudaGraphExecUpdateResultInfo_st.allocate(arena);
      int status = cudaGraphExecUpdate(executable.pointer(), recorded.pointer(), result);
      if (status == cudaErrorGraphExecUpdateFailure()) {
        // it differs in more: other calls, or another engine; the next launch would report it again
        int ignored = cudaGetLastError();
        return false;
      }
      CudaStatus.check("cudaGraphExecUpdate", status);
      return true;
    }
  }

  /** Returns whether it is anything yet. */
  boolean isReady() {
    return executable != null;
  }

  /** Queues it. */
  void launch(MemorySegment stream) {
    CudaStatus.check("cudaGraphLaunch", cudaGraphLaunch(executable.pointer(), stream));
  }

  /** Destroys it; launches that have been queued run all the same. */
  @Override
  public void close() {
    if (executable != null) {
      NativeHandle last = executable;
      executable = null;
      last.close();
    }
  }
}
