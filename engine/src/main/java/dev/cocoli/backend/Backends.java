package dev.cocoli.backend;

import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cuda.CudaBackend;
import dev.cocoli.tensor.Device;
import java.util.Optional;

/** Opens the backend of a device. */
public final class Backends {
  private Backends() {}

  /**
   * {@return a backend; the caller closes it}
   *
   * @param device where it is to compute
   * @throws IllegalArgumentException if nothing can be computed there; the message says what is
   *     missing, where was looked, and what to do
   */
  public static Backend open(Device device) {
    return switch (device.kind()) {
      case CPU -> new CpuBackend();
      case CUDA -> CudaBackend.open(device);
    };
  }

  /**
   * Says why nothing can be computed on a device. It loads libraries, but starts no work.
   *
   * @param device the device
   * @return the reason, in one line; empty if it can be used
   */
  public static Optional<String> problem(Device device) {
    return switch (device.kind()) {
      case CPU -> Optional.empty();
      case CUDA -> CudaBackend.problem(device);
    };
  }
}
