package dev.cocoli.bindings;

import java.util.List;
import java.util.Optional;

/**
 * What there is to compute with on this machine, and what is missing.
 *
 * @param libraries every native library, oneDNN first
 * @param places where NVIDIA's libraries were looked for, in this order
 * @param cpu what oneDNN makes of the processor
 * @param cuda what the CUDA runtime makes of the graphics cards
 */
public record DoctorReport(
    List<LibraryReport> libraries, List<SearchedPlace> places, Cpu cpu, Cuda cuda) {

  /** Copies the lists. */
  public DoctorReport {
    libraries = List.copyOf(libraries);
    places = List.copyOf(places);
  }

  /**
   * The processor.
   *
   * @param instructionSet the widest that oneDNN uses, as it calls it, for example {@code
   *     avx512_core}; empty where oneDNN does not load
   * @param processorCount what the JVM may use
   */
  public record Cpu(Optional<String> instructionSet, int processorCount) {}

  /**
   * The graphics cards.
   *
   * @param driverVersion the newest CUDA release that the driver runs, for example 13.0; empty
   *     without a driver
   * @param runtimeVersion the CUDA runtime's release; empty where it does not load
   * @param devices what can be used, in the runtime's order
   * @param problem one line that says why there are no devices; empty when there are
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
   * One graphics card.
   *
   * @param index its number for the CUDA runtime
   * @param name what its maker calls it
   * @param pciBusId where it is plugged in
   * @param computeCapabilityMajor the first part of its compute capability
   * @param computeCapabilityMinor the second part of its compute capability
   * @param multiprocessorCount how many multiprocessors it has
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
