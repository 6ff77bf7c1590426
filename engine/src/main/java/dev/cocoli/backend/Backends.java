package dev.cocoli.backend;

import dev.cocoli.backend.cpu.CpuProvider;
import dev.cocoli.backend.cpu.CpuThreads;
import dev.cocoli.backend.cuda.CudaProvider;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.tensor.Device;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Opens the backend of a device, and connects those of several. The processor and NVIDIA's GPUs are
 * known; a {@link BackendProvider} that {@link ServiceLoader} finds adds another kind of device.
 */
public final class Backends {
  private static final List<BackendProvider> OURS = List.of(new CpuProvider(), new CudaProvider());

  private Backends() {}

  private static Stream<BackendProvider> providers() {
    return Stream.concat(
        OURS.stream(),
        ServiceLoader.load(BackendProvider.class).stream().map(ServiceLoader.Provider::get));
  }

  private static BackendProvider provider(Device.Kind kind) {
    return providers()
        .filter(provider -> provider.kind().equals(kind))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("no backend computes on the device " + kind));
  }

  /**
   * {@return the device with a name: that of a kind, such as {@code cpu} or {@code cuda}, or with
   * an index, such as {@code cuda:1}}
   *
   * @param name the name
   * @throws IllegalArgumentException if no backend knows such a device; the message lists the kinds
   */
  public static Device device(String name) {
    String[] parts = name.split(":", 2);
    Optional<Device.Kind> kind =
        providers().map(BackendProvider::kind).filter(one -> one.name().equals(parts[0])).findAny();
    boolean hasIndex = parts.length == 2;
    boolean isIndex = hasIndex && parts[1].matches("\\d{1,4}");
    boolean isOne = kind.isPresent() && kind.get().equals(Device.Kind.CPU);
    if (kind.isEmpty() || hasIndex && (isOne || !isIndex)) {
      String known =
          providers().map(provider -> provider.kind().name()).collect(Collectors.joining(", "));
      throw new IllegalArgumentException(
          "unknown device '" + name + "': it is " + known + " or cuda:INDEX");
    }
    return new Device(kind.get(), hasIndex ? Integer.parseInt(parts[1]) : 0);
  }

  /**
   * {@return a backend; the caller closes it}
   *
   * @param device where it is to compute
   * @throws IllegalArgumentException if nothing can be computed there; the message says what is
   *     missing, where was looked, and what to do
   */
  public static Backend open(Device device) {
    return provider(device.kind()).open(device);
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
    return provider(device.kind()).openForCaller(device, threads);
  }

  /**
   * {@return a backend for the calling thread alone, beside a first one whose weights it computes
   * with; it is closed before that, by the calling thread}
   *
   * @param first a backend of {@link #open(Device, int)}
   * @param threads how many threads compute, the calling one included
   * @throws IllegalArgumentException if one thread drives the device of the first one
   */
  public static Backend openBeside(Backend first, int threads) {
    return provider(first.device().kind()).openBeside(first, threads);
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
    return provider(device.kind()).problem(device);
  }

  /**
   * {@return all devices of a kind that can be opened}
   *
   * @param kind the kind
   * @throws IllegalArgumentException if none can; the message says why
   */
  public static List<Device> devices(Device.Kind kind) {
    return provider(kind).devices();
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
    return provider(device.kind()).openReplica(device, replicas);
  }

  /**
   * Connects the replicas of one process, one rank each.
   *
   * @param replicas the ranks' backends, one for each, all of one kind of device
   * @param timeout how long a rank waits for the others before it gives up
   * @return each rank's communicator, for the thread that drives the rank's backend; it closes it
   * @throws IllegalArgumentException if this version cannot connect these, or the timeout is no
   *     time that can be waited for
   */
  public static List<Communicator> connect(List<Backend> replicas, Duration timeout) {
    Communicator.requireTimeout(timeout);
    return providerOf(replicas).connect(replicas, timeout);
  }

  /**
   * Connects the replicas of several processes, of which each has as many; all call this at the
   * same time. A replica's rank is the process's times their number, plus its place.
   *
   * @param replicas the backends of this process, one for each of its ranks
   * @param processes which process this is, and where the first one is found
   * @param runDigest what must be the same for all processes; at most 1,024 bytes
   * @param timeout how long a rank waits for the others before it gives up
   * @param log receives a line about each stranger that came
   * @return the communicators of this process's ranks
   * @throws IllegalArgumentException if this version cannot connect these, or the timeout is no
   *     time that can be waited for
   */
  public static List<Communicator> connect(
      List<Backend> replicas,
      RankEnvironment processes,
      byte[] runDigest,
      Duration timeout,
      Consumer<String> log) {
    Communicator.requireTimeout(timeout);
    return providerOf(replicas).connect(replicas, processes, runDigest, timeout, log);
  }

  private static BackendProvider providerOf(List<Backend> replicas) {
    return provider(replicas.getFirst().device().kind());
  }
}
