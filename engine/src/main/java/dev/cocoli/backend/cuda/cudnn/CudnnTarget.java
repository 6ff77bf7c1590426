package dev.cocoli.backend.cuda.cudnn;

import static dev.cocoli.bindings.cudnn.Cudnn.*;

import java.lang.foreign.MemorySegment;

/**
 * For what GPU cuDNN chooses and builds: the one at hand, known by its handle, or one that is only
 * described, so that plans can be made where there is none. One of the two is null.
 *
 * @param handle of the GPU at hand
 * @param properties of a GPU elsewhere
 */
record CudnnTarget(MemorySegment handle, CudnnDescriptor properties) {

  static CudnnTarget of(MemorySegment handle) {
    return new CudnnTarget(handle, null);
  }

  static CudnnTarget of(CudnnDescriptor properties) {
    return new CudnnTarget(null, properties);
  }

  /** Tells a graph of operations, before it is finished. */
  void tellGraph(CudnnDescriptor graph) {
    if (handle != null) {
      graph.pointers(CUDNN_ATTR_OPERATIONGRAPH_HANDLE(), CUDNN_TYPE_HANDLE(), handle);
    }
  }

  /** Tells a choice of engines, before it is finished. */
  void tellHeuristics(CudnnDescriptor heuristics) {
    if (properties != null) {
      heuristics.descriptors(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP(), properties);
    }
  }

  /** Tells a plan, before it is finished; one for a handle has that from its graph. */
  void tellPlan(CudnnDescriptor plan) {
    if (properties != null) {
      plan.descriptors(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP(), properties);
    }
  }
}
