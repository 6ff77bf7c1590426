package dev.cocoli.backend.cuda.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Where the work of one device is queued; all of it runs in the order of the calls, and no call
 * waits for it. A GPU's stream is one; the tests have another that runs the same kernels on the
 * host.
 */
public interface DeviceQueue {
  /** The most bytes of arguments that a kernel takes (4 KB on every compute capability). */
  int MAX_ARGUMENT_BYTES = 4096;

  /** How many {@link #counters} there are: more than a grid has blocks along its second axis. */
  int COUNTERS = 1 << 17;

  /**
   * Queues a kernel.
   *
   * @param kernel which
   * @param grid how many blocks of how many threads; none of it is 0
   * @param arguments the kernel's one parameter, a structure, copied before this returns
   */
  void launch(Kernel kernel, Grid grid, MemorySegment arguments);

  /**
   * Queues setting bytes to 0.
   *
   * @param memory of the device
   */
  void zero(MemorySegment memory);

  /**
   * Queues a copy within the device.
   *
   * @param from of the device
   * @param to of the device, as many bytes; the two do not overlap
   */
  void copy(MemorySegment from, MemorySegment to);

  /**
   * Returns counters in the device's memory, {@link #COUNTERS} of 4 bytes. They are 0 whenever a
   * kernel begins: one that uses them leaves them so.
   */
  MemorySegment counters();

  /** Returns how many blocks of some hundred threads keep the whole device busy. */
  int residentBlocks();
}
