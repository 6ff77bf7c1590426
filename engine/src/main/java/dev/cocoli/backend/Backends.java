package dev.cocoli.backend;

import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cpu.CpuThreads;
import dev.cocoli.backend.cpu.local.LocalCommunicator;
import dev.cocoli.backend.cuda.CudaBackend;
import dev.cocoli.backend.cuda.nccl.NcclConnector;
import dev.cocoli.backend.cuda.nccl.NcclDevice;
import dev.cocoli.backend.cuda.nccl.NcclOptions;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.tensor.Device;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Opens the backend of a device, and connects those of several. */
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
   * {@return a backend for the calling thread alone, which closes it, too}
   *
   * @param device where it is to compute
   * @param threads how many threads compute on the processor, the calling one included; a GPU does
   *     not need them
   * @throws IllegalArgumentException if nothing can be computed there; the message says why
   */
  public static Backend open(Device device, int threads) {
    return device.kind() == Device.Kind.CPU ? CpuBackend.forCaller(threads) : open(device);
  }

  /**
   * {@return a backend on the processor for the calling thread alone, beside a first one whose
   * weights it computes with; it is closed before that, by the calling thread}
   *
   * @param first a backend of {@link #open(Device, int)}
   * @param threads how many threads compute, the calling one included
   * @throws IllegalArgumentException if the first one is on a GPU, whose work one thread drives
   */
  public static Backend openBeside(Backend first, int threads) {
    if (first instanceof CpuBackend cpu) {
      return cpu.beside(threads);
    }
    throw new IllegalArgumentException("one thread drives " + first.device());
  }

  /** {@return the number of threads that the processor computes with: {@code cocoli.threads}} */
  public static int processorThreads() {
    return CpuThreads.count();
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

  /**
   * {@return all devices of a sort that can be opened}
   *
   * @param kind the sort
   * @throws IllegalArgumentException if none can; the message says why
   */
  public static List<Device> devices(Device.Kind kind) {
    return switch (kind) {
      case CPU -> List.of(Device.CPU);
      case CUDA -> CudaBackend.devices();
    };
  }

  /**
   * {@return a backend for one of several replicas in this process, which share the processor's
   * threads; for the calling thread alone, and closed by it}
   *
   * @param device where it is to compute
   * @param replicas how many replicas there are
   * @throws IllegalArgumentException if nothing can be computed there
   */
  public static Backend openReplica(Device device, int replicas) {
    return device.kind() == Device.Kind.CPU ? CpuBackend.ofReplica(replicas) : open(device);
  }

  /**
   * Connects the replicas of one process, one rank each.
   *
   * @param replicas the ranks' backends, one for each, all of one sort of device
   * @param timeout how long a rank waits for the others before it gives up
   * @return each rank's communicator, for the thread that drives the rank's backend; it closes it
   * @throws IllegalArgumentException if this version cannot connect these
   */
  public static List<Communicator> connect(List<Backend> replicas, Duration timeout) {
    return kind(replicas) == Device.Kind.CPU
        ? LocalCommunicator.group(replicas, timeout)
        : NcclConnector.connect(ncclDevices(replicas), timeout, ncclOptions());
  }

  /**
   * Connects the replicas of several processes, of which each has as many; all call this at the
   * same time. A replica's rank is the process's times their number, plus its place.
   *
   * @param replicas the backends of this process, one for each of its ranks
   * @param processes which process this is, and where the first one is found
   * @param runDigest what must be the same for all processes; at most 1,024 bytes
   * @param timeout how long a rank waits for the others before it gives up
   * @return the communicators of this process's ranks
   * @throws IllegalArgumentException if this version cannot connect these
   */
  public static List<Communicator> connect(
      List<Backend> replicas, RankEnvironment processes, byte[] runDigest, Duration timeout) {
    if (kind(replicas) == Device.Kind.CPU) {
      throw new IllegalArgumentException(
          processes.size()
              + " processes are connected by NCCL, so they compute on cuda, not on the cpu");
    }
    return NcclConnector.connect(
        processes, runDigest, ncclDevices(replicas), timeout, ncclOptions());
  }

  private static Device.Kind kind(List<Backend> replicas) {
    return replicas.getFirst().device().kind();
  }

  private static List<NcclDevice> ncclDevices(List<Backend> replicas) {
    return replicas.stream().map(backend -> ((CudaBackend) backend).ncclDevice()).toList();
  }

  private static NcclOptions ncclOptions() {
    return Boolean.getBoolean("cocoli.cuda.deterministic")
        ? NcclOptions.DETERMINISTIC
        : NcclOptions.FASTEST;
  }
}
