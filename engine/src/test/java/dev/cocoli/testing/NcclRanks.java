package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.cuda.nccl.NcclConnector;
import dev.cocoli.backend.cuda.nccl.NcclDevice;
import dev.cocoli.backend.cuda.nccl.NcclOptions;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.bindings.status.NcclStatus;
import dev.cocoli.distributed.Communicator;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Ranks on GPUs, connected by NCCL. If there are more ranks than GPUs, several share one; NCCL
 * allows that from 2.30 on, if the environment has NCCL_MULTI_RANK_GPU_ENABLE=1.
 */
public final class NcclRanks implements RankGroups {
  private static final String SHARED_CARDS = "NCCL_MULTI_RANK_GPU_ENABLE";
  private static final int SHARED_CARDS_VERSION = 23_000;
  private static final int MOST_SHARED = 4;

  private static int devices = -1;

  /** {@return the largest number of ranks; prints the reason if it is small} */
  public static synchronized int mostRanks() {
    if (devices < 0) {
      devices = countDevices();
    }
    if (devices == 0 || devices >= MOST_SHARED) {
      return devices;
    }
    if (!"1".equals(System.getenv(SHARED_CARDS)) || ncclVersion() < SHARED_CARDS_VERSION) {
      skip(
          "NCCL with more ranks than the "
              + devices
              + " here takes NCCL 2.30 and the variable "
              + SHARED_CARDS
              + "=1");
      return devices;
    }
    return MOST_SHARED;
  }

  private static int countDevices() {
    for (NvidiaLibrary library : List.of(NvidiaLibrary.CUDA_RUNTIME, NvidiaLibrary.NCCL)) {
      if (NvidiaLibraries.report(library).file().isEmpty()) {
        skip("NCCL's communicator: " + library.displayName() + " is not installed");
        return 0;
      }
    }
    NvidiaLibraries.load(NvidiaLibrary.NCCL);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      CudaStatus.check("cudaGetDeviceCount", CudaRuntime.cudaGetDeviceCount(count));
      return count.get(ValueLayout.JAVA_INT, 0);
    } catch (NativeException e) {
      skip("NCCL's communicator: there is no GPU (" + e.getMessage() + ")");
      return 0;
    }
  }

  private static int ncclVersion() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment version = arena.allocate(ValueLayout.JAVA_INT);
      NcclStatus.check("ncclGetVersion", Nccl.ncclGetVersion(version));
      return version.get(ValueLayout.JAVA_INT, 0);
    }
  }

  private static void skip(String reason) {
    System.out.println("skipped: " + reason);
  }

  @Override
  public RankGroup open(int size, Duration timeout) {
    List<CudaMemoryBackend> backends = new ArrayList<>();
    List<NcclDevice> ranks = new ArrayList<>();
    for (int rank = 0; rank < size; rank++) {
      CudaMemoryBackend memory = new CudaMemoryBackend(rank % devices);
      backends.add(memory);
      ranks.add(new NcclDevice(rank % devices, memory.stream()));
    }
    List<Communicator> communicators =
        NcclConnector.connect(ranks, timeout, NcclOptions.DETERMINISTIC);
    List<Backend> proxies = backends.stream().map(CudaMemoryBackend::backend).toList();
    return new RankGroup() {
      @Override
      public Backend backend(int rank) {
        return proxies.get(rank);
      }

      @Override
      public Communicator connect(int rank) {
        return communicators.get(rank);
      }

      @Override
      public void close() {
        backends.forEach(CudaMemoryBackend::close);
      }
    };
  }

  @Override
  public String toString() {
    return "NCCL";
  }
}
