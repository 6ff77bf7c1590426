package dev.cocoli.backend.cuda.compile;

import dev.cocoli.backend.cuda.ComputeCapability;

/**
 * What the kernels' source is compiled to.
 *
 * @param computeCapability for which GPUs
 * @param form machine code or not
 */
public record CodeTarget(ComputeCapability computeCapability, Form form) {

  /** What comes out of the compiler. */
  public enum Form {
    /** Machine code. */
    CUBIN,
    /** Intermediate code, which the driver translates when it is loaded. */
    PTX
  }

  /** Returns the name that NVRTC's option takes, {@code sm_90} or {@code compute_90}. */
  String option() {
    return (form == Form.CUBIN ? "sm_" : "compute_") + computeCapability.number();
  }
}
