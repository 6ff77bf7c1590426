package dev.cocoli.bindings;

import java.util.List;
import java.util.Optional;

/**
 * The libraries and devices of this machine, and what is missing.
 *
 * @param libraries every native library, oneDNN first
 * @param places the places that were searched for NVIDIA's libraries, in this order
 * @param cpu the processor, as oneDNN sees it
 * @param cuda the GPUs, as the CUDA runtime sees them
 */
public record DoctorReport(
    List<LibraryReport> libraries, List<SearchedPlace> places, Cpu cpu, Cuda cuda) {

  /** Copies the lists. */
  public DoctorReport {
    libraries = List.copyOf(libraries);
    places = List.copyOf(places);
  }

  /**
   * Describes NVIDIA's libraries if some are of jars on the class path and some are not.
   *
   * @return one line that names them and says what to do; empty if all are of one kind
   */
  public Optional<String> mixture() {
    return LibraryMixture.of(libraries);
  }

  /**
   * The processor.
   *
   * @param instructionSet oneDNN's name of the widest instruction set that it uses, for example
   *     {@code avx512_core}; empty if oneDNN does not load
   * @param processorCount the number of processors that the JVM may use
   */
  public record Cpu(Optional<String> instructionSet, int processorCount) {}

  /**
   * The GPUs.
   *
   * @param driverVersion the newest CUDA release that the driver runs, for example 13.0; empty
   *     without a driver
   * @param runtimeVersion the CUDA runtime's release; empty if it does not load
   * @param devices the devices that can be used, in the runtime's order
   * @param problem one line that says why there are no devices; empty if there are some
   */
  public record Cuda(
      Optional<String> driverVersion,
      Optional<String> runtimeVersion,
      List<CudaDevice> devices,
      Optional<String> problem) {
    /** Copies the list. */
    public Cuda {
      devices = List.copyOf(devices);
    }
  }

  /**
   * One GPU.
   *
   * @param index its number for the CUDA runtime
   * @param name its model name
   * @param pciBusId its address on the PCI bus
   * @param computeCapabilityMajor the first part of its compute capability
   * @param computeCapabilityMinor the second part of its compute capability
   * @param multiprocessorCount the number of its multiprocessors
   * @param memoryByteSize its memory in bytes
   */
  public record CudaDevice(
      int index,
      String name,
      String pciBusId,
      int computeCapabilityMajor,
      int computeCapabilityMinor,
      int multiprocessorCount,
      long memoryByteSize) {}
}
