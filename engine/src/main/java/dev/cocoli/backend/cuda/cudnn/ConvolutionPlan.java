package dev.cocoli.backend.cuda.cudnn;

import static dev.cocoli.bindings.cudnn.Cudnn.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.bindings.status.CudnnStatus;
import java.lang.foreign.MemorySegment;

/** A graph with the engine that computes it, built for a device. */
final class ConvolutionPlan implements AutoCloseable {
  private final EngineConfig config;
  private final CudnnDescriptor plan;
  private final long workspaceBytes;

  /**
   * Builds a plan, which owns the engine's configuration from then on.
   *
   * @throws dev.cocoli.bindings.NativeException if the engine cannot do it; the configuration is
   *     the caller's still
   */
  ConvolutionPlan(EngineConfig config, CudnnTarget target) {
    this.config = config;
    plan = new CudnnDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR());
    try {
      plan.descriptors(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG(), config.descriptor());
      target.tellPlan(plan);
      plan.finish("a plan");
      workspaceBytes = plan.longAttribute(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE());
    } catch (RuntimeException e) {
      plan.close();
      throw e;
    }
  }

  /** Returns the configuration that it is built from. */
  EngineConfig config() {
    return config;
  }

  /** Returns how much scratch memory it takes. */
  long workspaceBytes() {
    return workspaceBytes;
  }

  /** Queues it on the handle's stream. */
  void execute(MemorySegment handle, Operands operands, MemorySegment workspace) {
    try (CudnnDescriptor pack = pack(operands, workspace)) {
      CudnnStatus.check(
          "cudnnBackendExecute", cudnnBackendExecute(handle, plan.pointer(), pack.pointer()));
    }
  }

  /** Returns what tells the library where the graph's tensors lie. */
  static CudnnDescriptor pack(Operands operands, MemorySegment workspace) {
    CudnnDescriptor pack = new CudnnDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR());
    try {
      return pack.pointers(
              CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS(), CUDNN_TYPE_VOID_PTR(), operands.memory())
          .longs(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS(), operands.numbers())
          .pointers(CUDNN_ATTR_VARIANT_PACK_WORKSPACE(), CUDNN_TYPE_VOID_PTR(), workspace)
          .finish("the tensors of a convolution");
    } catch (RuntimeException e) {
      pack.close();
      throw e;
    }
  }

  @Override
  public void close() {
    Closing.all(plan, config);
  }
}
