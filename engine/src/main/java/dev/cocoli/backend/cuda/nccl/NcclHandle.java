package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.bindings.NcclConfig;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.nccl.ncclConfig_t;
import dev.cocoli.bindings.status.NcclStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.ToIntFunction;

/**
 * An {@code ncclComm_t} that never blocks: a call may end as {@code ncclInProgress}, and is over
 * once {@link #settled}. One thread calls at a time (NCCL allows no two for one communicator), and
 * none after the end, since a communicator that was aborted is freed memory.
 */
final class NcclHandle {
  private final int rank;
  private MemorySegment comm = MemorySegment.NULL;
  private String lastCall = "none";
  private boolean gone;

  NcclHandle(int rank) {
    this.rank = rank;
  }

  /**
   * Begins to connect; the current device is this rank's.
   *
   * @param id rank 0's
   * @param size the number of ranks
   */
  synchronized void init(byte[] id, int size) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      MemorySegment config = config(arena);
      lastCall = "ncclCommInitRankConfig";
      int result = Nccl.ncclCommInitRankConfig(out, size, NcclId.allocate(id, arena), rank, config);
      comm = out.get(ValueLayout.ADDRESS, 0);
      check(result);
    }
  }

  /** {@return what is asked of NCCL: not to block, all else is its choice} */
  static MemorySegment config(Arena arena) {
    MemorySegment config = NcclConfig.allocate(arena);
    ncclConfig_t.blocking(config, 0);
    return config;
  }

  /**
   * Calls NCCL.
   *
   * @param name of the function
   * @param function with the communicator as its argument
   */
  synchronized void call(String name, ToIntFunction<MemorySegment> function) {
    if (!gone) {
      lastCall = name;
      check(function.applyAsInt(comm));
    }
  }

  /**
   * {@return whether the last call is over}
   *
   * @throws dev.cocoli.bindings.NativeException if it failed, or anything else of the communicator
   */
  synchronized boolean settled() {
    if (gone || comm.address() == 0) {
      return true;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      NcclStatus.check("ncclCommGetAsyncError", Nccl.ncclCommGetAsyncError(comm, out));
      int state = out.get(ValueLayout.JAVA_INT, 0);
      check(state);
      return state != Nccl.ncclInProgress();
    }
  }

  private void check(int result) {
    if (result != Nccl.ncclInProgress()) {
      NcclStatus.check(lastCall, result);
    }
  }

  /**
   * Ends all that runs, and frees the communicator; once. May take long, so that it does not hold
   * the lock.
   */
  void abort() {
    MemorySegment ended = take();
    if (ended.address() != 0) {
      // whatever it says, there is nothing more to do
      Nccl.ncclCommAbort(ended);
    }
  }

  /** Frees the communicator, of which nothing runs any more. */
  void destroy() {
    MemorySegment ended = take();
    if (ended.address() != 0) {
      NcclStatus.check("ncclCommDestroy", Nccl.ncclCommDestroy(ended));
    }
  }

  private synchronized MemorySegment take() {
    MemorySegment ended = gone ? MemorySegment.NULL : comm;
    gone = true;
    return ended;
  }
}
