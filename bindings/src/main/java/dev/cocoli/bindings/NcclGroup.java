package dev.cocoli.bindings;

import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.status.NcclStatus;

/**
 * Groups calls of NCCL, as a thread that drives several devices must. nccl.h declares the two
 * functions without a prototype, so that jextract generates invokers of functions with any
 * arguments for them.
 */
public final class NcclGroup {
  private static final Nccl.ncclGroupStart START = Nccl.ncclGroupStart.makeInvoker();
  private static final Nccl.ncclGroupEnd END = Nccl.ncclGroupEnd.makeInvoker();

  private NcclGroup() {}

  /**
   * Begins a group.
   *
   * @throws NativeException if NCCL fails
   */
  public static void start() {
    NcclStatus.check("ncclGroupStart", START.apply());
  }

  /**
   * Ends the group, and starts its calls.
   *
   * @throws NativeException if the group or one of its calls fails
   */
  public static void end() {
    NcclStatus.check("ncclGroupEnd", END.apply());
  }
}
