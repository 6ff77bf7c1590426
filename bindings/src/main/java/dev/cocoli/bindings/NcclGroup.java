package dev.cocoli.bindings;

import dev.cocoli.bindings.nccl.Nccl;

/**
 * Brackets calls of NCCL that belong together, as one thread that drives several devices must.
 * nccl.h declares the two functions without a prototype, so that jextract makes invokers of
 * functions with any arguments of them.
 */
public final class NcclGroup {
  private static final Nccl.ncclGroupStart START = Nccl.ncclGroupStart.makeInvoker();
  private static final Nccl.ncclGroupEnd END = Nccl.ncclGroupEnd.makeInvoker();

  private NcclGroup() {}

  /**
   * Begins a group.
   *
   * @throws NativeException when NCCL refuses
   */
  public static void start() {
    NcclStatus.check("ncclGroupStart", START.apply());
  }

  /**
   * Ends the group, and starts what it holds.
   *
   * @throws NativeException when NCCL refuses the group or one of its calls
   */
  public static void end() {
    NcclStatus.check("ncclGroupEnd", END.apply());
  }
}
