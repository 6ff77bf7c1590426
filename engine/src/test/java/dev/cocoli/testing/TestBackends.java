package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cuda.CudaOnHost;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** The backends that a contract is held against. */
public final class TestBackends {
  private TestBackends() {}

  /** {@return each backend with its name; JUnit closes them} */
  public static Stream<Arguments> all() {
    List<Arguments> backends = new ArrayList<>();
    if (!CudaOnHost.isSanitized()) {
      backends.add(Arguments.argumentSet("cpu", cpu(2)));
    }
    if (CudaOnHost.isPossible()) {
      backends.add(Arguments.argumentSet("CUDA kernels on the host", CudaOnHost.open()));
    }
    return backends.stream();
  }

  /**
   * {@return the CPU's backend}
   *
   * @param threads how many threads work on a loop
   */
  public static Backend cpu(int threads) {
    return new CpuBackend(threads);
  }
}
