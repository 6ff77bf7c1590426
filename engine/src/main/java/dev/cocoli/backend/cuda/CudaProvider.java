package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BackendProvider;
import dev.cocoli.backend.cuda.nccl.NcclConnector;
import dev.cocoli.backend.cuda.nccl.NcclDevice;
import dev.cocoli.backend.cuda.nccl.NcclOptions;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.tensor.Device;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Opens NVIDIA's GPUs, and connects several by NCCL. */
public final class CudaProvider implements BackendProvider {
  @Override
  public Device.Kind kind() {
    return Device.Kind.CUDA;
  }

  @Override
  public Backend open(Device device) {
    return CudaBackend.open(device);
  }

  @Override
  public Optional<String> problem(Device device) {
    return CudaDevice.problem(device);
  }

  @Override
  public List<Device> devices() {
    Optional<String> problem = problem(new Device(Device.Kind.CUDA, 0));
    if (problem.isPresent()) {
      throw new IllegalArgumentException("device cuda:all: " + problem.get());
    }
    return IntStream.range(0, CudaDevice.count())
        .mapToObj(index -> new Device(Device.Kind.CUDA, index))
        .toList();
  }

  @Override
  public List<Communicator> connect(List<Backend> replicas, Duration timeout) {
    return NcclConnector.connect(ncclDevices(replicas), timeout, ncclOptions());
  }

  @Override
  public List<Communicator> connect(
      List<Backend> replicas,
      RankEnvironment processes,
      byte[] runDigest,
      Duration timeout,
      Consumer<String> log) {
    return NcclConnector.connect(
        processes, runDigest, ncclDevices(replicas), timeout, ncclOptions(), log);
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
