package dev.cocoli.backend.cpu;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BackendProvider;
import dev.cocoli.backend.cpu.local.LocalCommunicator;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.tensor.Device;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.Optional;

/** Opens the processor. */
public final class CpuProvider implements BackendProvider {
  @Override
  public Device.Kind kind() {
    return Device.Kind.CPU;
  }

  @Override
  public Backend open(Device device) {
    return new CpuBackend();
  }

  @Override
  public Optional<String> problem(Device device) {
    return Optional.empty();
  }

  @Override
  public List<Device> devices() {
    return List.of(Device.CPU);
  }

  @Override
  public Backend openReplica(Device device, int replicas) {
    return CpuBackend.ofReplica(replicas);
  }

  @Override
  public List<Communicator> connect(List<Backend> replicas, Duration timeout) {
    return LocalCommunicator.group(replicas, timeout);
  }

  @Override
  public List<Communicator> connect(
      List<Backend> replicas,
      RankEnvironment processes,
      byte[] runDigest,
      Duration timeout,
      Consumer<String> log) {
    throw new IllegalArgumentException(
        processes.size()
            + " processes are connected by NCCL, so they compute on cuda, not on the cpu");
  }
}
