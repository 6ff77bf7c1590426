package dev.cocoli.backend.cuda;

/**
 * What the kernels' source is compiled to.
 *
 * @param architecture for which GPUs
 * @param form machine code or not
 */
record CodeTarget(Architecture architecture, Form form) {

  /** What comes out of the compiler. */
  enum Form {
    /** Machine code. */
    CUBIN,
    /** Intermediate code, which the driver translates when it is loaded. */
    PTX
  }

  /** Returns the name that NVRTC's option takes, {@code sm_90} or {@code compute_90}. */
  String option() {
    return (form == Form.CUBIN ? "sm_" : "compute_") + architecture.number();
  }
}
