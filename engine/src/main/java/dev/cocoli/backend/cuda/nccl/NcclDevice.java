package dev.cocoli.backend.cuda.nccl;

import java.lang.foreign.MemorySegment;

/**
 * Where a rank of this process computes.
 *
 * @param index the device's number, from 0
 * @param computeStream the {@code cudaStream_t} of its backend, after whose work collectives run
 */
public record NcclDevice(int index, MemorySegment computeStream) {
  /** Checks the number. */
  public NcclDevice {
    if (index < 0) {
      throw new IllegalArgumentException("a device's index is 0 or more, not " + index);
    }
  }
}
