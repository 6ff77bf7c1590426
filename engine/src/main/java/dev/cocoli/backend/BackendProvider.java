package dev.cocoli.backend;

import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.tensor.Device;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.Optional;

/**
 * Opens the backends of one kind of device. {@link Backends} has those of this library, and finds
 * others by {@link java.util.ServiceLoader}.
 */
public interface BackendProvider {
  /** {@return the kind of device, whose name {@code --device} takes; each provider has its own} */
  Device.Kind kind();

  /**
   * {@return a backend; the caller closes it}
   *
   * @param device a device of the kind
   * @throws IllegalArgumentException if nothing can be computed there; the message says what is
   *     missing, where was looked, and what to do
   */
  Backend open(Device device);

  /**
   * Says why nothing can be computed on a device. It loads libraries, but starts no work.
   *
   * @param device a device of the kind
   * @return the reason, in one line; empty if it can be used
   */
  Optional<String> problem(Device device);

  /**
   * {@return all devices that can be opened}
   *
   * @throws IllegalArgumentException if none can; the message says why
   */
  List<Device> devices();

  /**
   * {@return a backend for one of several replicas in this process, for the calling thread alone,
   * and closed by it; by default as {@link #open}}
   *
   * @param device a device of the kind
   * @param replicas how many replicas there are
   */
  default Backend openReplica(Device device, int replicas) {
    return open(device);
  }

  /**
   * {@return the communicators of the replicas of one process, one rank each; by default it throws,
   * so that training takes one device}
   *
   * @param replicas the ranks' backends, one for each, all of the kind
   * @param timeout how long a rank waits for the others before it gives up
   * @throws IllegalArgumentException if these cannot be connected
   */
  default List<Communicator> connect(List<Backend> replicas, Duration timeout) {
    throw new IllegalArgumentException("training on " + kind() + " takes one device");
  }

  /**
   * {@return the communicators of this process's replicas; by default it throws}
   *
   * @param replicas the backends of this process, one for each of its ranks
   * @param processes which process this is, and where the first one is found
   * @param runDigest what must be the same for all processes; at most 1,024 bytes
   * @param timeout how long a rank waits for the others before it gives up
   * @param log receives a line about each stranger that came
   * @throws IllegalArgumentException if these cannot be connected
   */
  default List<Communicator> connect(
      List<Backend> replicas,
      RankEnvironment processes,
      byte[] runDigest,
      Duration timeout,
      Consumer<String> log) {
    throw new IllegalArgumentException("training on " + kind() + " takes one process");
  }
}
