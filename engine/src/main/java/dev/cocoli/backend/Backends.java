package dev.cocoli.backend;

import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.tensor.Device;

/** Opens the backend of a device. */
public final class Backends {
  private Backends() {}

  /**
   * {@return a backend; the caller closes it}
   *
   * @param device where it is to compute
   * @throws IllegalArgumentException if this version cannot compute there
   */
  public static Backend open(Device device) {
    return switch (device.kind()) {
      case CPU -> new CpuBackend();
      case CUDA ->
          throw new IllegalArgumentException(
              "device " + device + ": this version has no CUDA backend; use cpu");
    };
  }
}
