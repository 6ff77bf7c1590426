package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.NcclSettings;
import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.distributed.Rendezvous;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Connects graphics cards of this process, and of others, by NCCL. One thread connects all of a
 * process; each communicator is then called, and closed, by the thread that drives its device.
 */
public final class NcclConnector {
  private NcclConnector() {}

  /**
   * Connects the devices of one process.
   *
   * @param devices one for each rank
   * @param timeout how long ranks wait for each other, and so for what a device was called for
   *     before; to connect, a minute at least
   * @param options how NCCL is set up; all communicators of a process have the same
   * @return each rank's communicator
   * @throws NativeException if a library or a device is missing
   * @throws CommunicatorException if NCCL does not connect them
   */
  public static List<Communicator> connect(
      List<NcclDevice> devices, Duration timeout, NcclOptions options) {
    load(options);
    return connect(NcclId.create(), devices.size(), 0, devices, timeout, options);
  }

  /**
   * Connects the devices of several processes, each of which calls this with as many devices. The
   * ranks of a process follow those of the process before it.
   *
   * @param processes which of the processes this is, and where the first one listens
   * @param runDigest what must be equal for all processes, as of data, configuration and version;
   *     at most 1,024 bytes
   * @param devices those of this process
   * @param timeout how long ranks wait for each other, and so for what a device was called for
   *     before; to connect, a minute at least
   * @param options how NCCL is set up; all communicators of a process have the same
   * @param log receives a line about each stranger that came
   * @return the communicator of each of this process's ranks
   * @throws NativeException if a library or a device is missing
   * @throws CommunicatorException if a process is missing, comes twice or differs
   */
  public static List<Communicator> connect(
      RankEnvironment processes,
      byte[] runDigest,
      List<NcclDevice> devices,
      Duration timeout,
      NcclOptions options,
      Consumer<String> log) {
    load(options);
    byte[] digest =
        ByteBuffer.allocate(runDigest.length + Integer.BYTES)
            .put(runDigest)
            .putInt(devices.size())
            .array();
    byte[] id = Rendezvous.exchange(processes, digest, NcclId::create, timeout, log);
    return connect(
        id,
        processes.size() * devices.size(),
        processes.rank() * devices.size(),
        devices,
        timeout,
        options);
  }

  /** Loads NCCL and sets it up, before it has threads of its own that read its settings. */
  private static void load(NcclOptions options) {
    NvidiaLibraries.load(NvidiaLibrary.NCCL);
    NcclSettings.apply(options.variables());
  }

  /**
   * Connects the ranks of this process with each other and with those of others, if there are any;
   * all processes call this at the same time. One thread does so for all its devices.
   *
   * @param id from {@link NcclId#create} of the process of rank 0
   * @param size the number of ranks of all processes
   * @param firstRank the first rank of this process
   * @param devices those of this process, one rank each
   * @param timeout how long ranks wait for each other, and so for what a device was called for
   *     before; to connect, a minute at least
   * @param options how NCCL is set up; all communicators of a process have the same
   * @return each rank's communicator, for the thread that drives its device, which closes it
   * @throws NativeException if a library or a device is missing
   * @throws CommunicatorException if a rank does not connect within the timeout
   */
  static List<Communicator> connect(
      byte[] id,
      int size,
      int firstRank,
      List<NcclDevice> devices,
      Duration timeout,
      NcclOptions options) {
    if (devices.isEmpty() || firstRank < 0 || firstRank + devices.size() > size) {
      throw new IllegalArgumentException(
          devices.size() + " ranks from " + firstRank + " on, among " + size);
    }
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException("a timeout is positive, not " + timeout);
    }
    load(options);
    NcclPeers peers = new NcclPeers(size, firstRank, devices.size());
    List<NcclCommunicator> ranks = new ArrayList<>();
    try {
      for (NcclDevice device : devices) {
        ranks.add(new NcclCommunicator(peers, firstRank + ranks.size(), device, timeout));
        ranks.getLast().beginConnecting(id);
      }
      for (NcclCommunicator rank : ranks) {
        rank.awaitConnected();
      }
    } catch (CommunicatorException | NativeException e) {
      peers.fail("the ranks from " + firstRank + " on did not connect", List.of(), e);
      ranks.forEach(NcclCommunicator::close);
      throw e;
    }
    return List.copyOf(ranks);
  }
}
