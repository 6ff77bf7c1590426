package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cuda.CudaOnHost;
import dev.cocoli.tensor.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/**
 * The backends that a contract is held against. With the property {@code cocoli.test.gpu} it is the
 * first GPU alone, and an error if there is none.
 */
public final class TestBackends {
  private static final Device GPU = new Device(Device.Kind.CUDA, 0);
  private static final Optional<String> NO_GPU = Backends.problem(GPU);

  static {
    NO_GPU.ifPresent(
        reason -> System.out.println("skipped: the contract on " + GPU + ": " + reason));
  }

  private TestBackends() {}

  /** {@return each backend with its name; JUnit closes them} */
  public static Stream<Arguments> all() {
    if (Boolean.getBoolean("cocoli.test.gpu")) {
      return Stream.of(Arguments.argumentSet(GPU.toString(), Backends.open(GPU)));
    }
    List<Arguments> backends = new ArrayList<>();
    backends.add(Arguments.argumentSet("cpu", cpu(2)));
    if (CudaOnHost.isPossible()) {
      backends.add(Arguments.argumentSet("CUDA kernels on the host", CudaOnHost.open()));
    }
    if (NO_GPU.isEmpty()) {
      backends.add(Arguments.argumentSet(GPU.toString(), Backends.open(GPU)));
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
