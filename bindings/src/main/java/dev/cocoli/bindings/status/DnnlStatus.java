package dev.cocoli.bindings.status;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.onednn.Dnnl;

/** Checks the status codes of oneDNN. */
public final class DnnlStatus {
  private DnnlStatus() {}

  /**
   * Throws an exception if the call failed.
   *
   * @param call the C function that was called, for the message
   * @param status its return value
   * @throws NativeException if the status is not {@code dnnl_success}
   */
  public static void check(String call, int status) {
    if (status != 0) {
      throw new NativeException("oneDNN", call, status, name(status), text(status));
    }
  }

  private static String name(int status) {
    if (status == Dnnl.dnnl_out_of_memory()) {
      return "dnnl_out_of_memory";
    } else if (status == Dnnl.dnnl_invalid_arguments()) {
      return "dnnl_invalid_arguments";
    } else if (status == Dnnl.dnnl_unimplemented()) {
      return "dnnl_unimplemented";
    } else if (status == Dnnl.dnnl_last_impl_reached()) {
      return "dnnl_last_impl_reached";
    } else if (status == Dnnl.dnnl_runtime_error()) {
      return "dnnl_runtime_error";
    } else if (status == Dnnl.dnnl_not_required()) {
      return "dnnl_not_required";
    } else if (status == Dnnl.dnnl_invalid_shape()) {
      return "dnnl_invalid_shape";
    } else if (status == Dnnl.dnnl_invalid_data_type()) {
      return "dnnl_invalid_data_type";
    }
    return "unknown status";
  }

  private static String text(int status) {
    if (status == Dnnl.dnnl_out_of_memory()) {
      return "the library could not allocate memory";
    } else if (status == Dnnl.dnnl_invalid_arguments()) {
      return "an argument, a shape or a layout does not fit the others"
          + " (ONEDNN_VERBOSE=error in the environment says which)";
    } else if (status == Dnnl.dnnl_unimplemented()) {
      return "there is no implementation for these shapes, types and layouts on this processor"
          + " (ONEDNN_VERBOSE=dispatch in the environment says why)";
    }
    return "see dnnl_status_t in oneDNN's documentation";
  }
}
