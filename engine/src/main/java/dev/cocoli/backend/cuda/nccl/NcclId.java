package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.nccl.ncclUniqueId;
import dev.cocoli.bindings.status.NcclStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What the ranks of an NCCL communicator find each other by; rank 0 makes it, all get it. */
public final class NcclId {
  private NcclId() {}

  /** {@return how many bytes one has} */
  public static int byteSize() {
    return Nccl.NCCL_UNIQUE_ID_BYTES();
  }

  /**
   * {@return a new one; this process then listens for the other ranks until they have connected}
   *
   * @throws dev.cocoli.bindings.NativeException if NCCL is not installed, or finds no network
   */
  public static byte[] create() {
    NvidiaLibraries.load(NvidiaLibrary.NCCL);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment id = ncclUniqueId.allocate(arena);
      NcclStatus.check("ncclGetUniqueId", Nccl.ncclGetUniqueId(id));
      return id.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** {@return NCCL's structure} */
  static MemorySegment allocate(byte[] id, Arena arena) {
    if (id.length != byteSize()) {
      throw new IllegalArgumentException(
          "an NCCL id has " + byteSize() + " bytes, not " + id.length);
    }
    return ncclUniqueId.allocate(arena).copyFrom(MemorySegment.ofArray(id));
  }
}
