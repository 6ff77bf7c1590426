package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cpu.onednn.WinogradConvolution.Use;
import dev.cocoli.backend.cuda.CudaOnHost;
import dev.cocoli.tensor.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.provider.Arguments;

/**
 * The backends that contract tests run on: the CPU's, CUDA's with its kernels run on the host, and
 * the first GPU if there is one. The property {@value #DEVICE} chooses a single device: {@code
 * cpu}, {@code cuda}, {@code cuda:1}, or {@value #ON_HOST} for CUDA's kernels on the host. With the
 * property {@value #QUICK} they run once, on the CPU.
 */
public final class TestBackends {
  /** The property that names the device under test. */
  public static final String DEVICE = "cocoli.test.device";

  /** Set in the first of Maven's two executions of the tests. */
  public static final String QUICK = "cocoli.test.quick";

  /** The name of CUDA's backend without a GPU. */
  public static final String ON_HOST = "cuda-on-host";

  private static final Device GPU = new Device(Device.Kind.CUDA, 0);

  /** The reason why there is no GPU; determined and printed once. */
  private static final class NoGpu {
    static final Optional<String> REASON = Backends.problem(GPU);

    static {
      REASON.ifPresent(
          reason -> System.out.println("skipped: the contract on " + GPU + ": " + reason));
    }
  }

  private TestBackends() {}

  /** {@return each backend with its name; JUnit closes them} */
  public static Stream<Arguments> all() {
    String device = System.getProperty(DEVICE);
    if (device != null) {
      return Stream.of(Arguments.argumentSet(device, open()));
    }
    List<Arguments> backends = new ArrayList<>();
    if (!CudaOnHost.isSanitized()) {
      backends.add(Arguments.argumentSet("cpu", cpu(2)));
    }
    if (Boolean.getBoolean(QUICK)) {
      return backends.stream();
    }
    if (CudaOnHost.isPossible()) {
      backends.add(Arguments.argumentSet(ON_HOST, CudaOnHost.open()));
    }
    if (NoGpu.REASON.isEmpty()) {
      backends.add(Arguments.argumentSet(GPU.toString(), Backends.open(GPU)));
    }
    return backends.stream();
  }

  /**
   * {@return the CPU's backend once more, with every convolution that can be one of Winograd's}
   * None where another device is named, nor with {@value #QUICK}.
   */
  public static Stream<Arguments> winograd() {
    String device = System.getProperty(DEVICE, Device.CPU.toString());
    return device.equals(Device.CPU.toString())
            && !Boolean.getBoolean(QUICK)
            && !CudaOnHost.isSanitized()
        ? Stream.of(
            Arguments.argumentSet("cpu, winograd", new CpuBackend(2, Use.WHEREVER_POSSIBLE)))
        : Stream.of();
  }

  /**
   * {@return CUDA's backend on the host once more, with the sums that have the same bits in every
   * run, for contracts of primitives that have two ways of adding} None where one device is named.
   */
  public static Stream<Arguments> deterministic() {
    return System.getProperty(DEVICE) == null
            && !Boolean.getBoolean(QUICK)
            && CudaOnHost.isPossible()
        ? Stream.of(
            Arguments.argumentSet(ON_HOST + ", deterministic", CudaOnHost.openDeterministic()))
        : Stream.of();
  }

  /** {@return the device under test, which is the CPU unless the property says otherwise} */
  public static Backend open() {
    String device = System.getProperty(DEVICE, Device.CPU.toString());
    return device.equals(ON_HOST) ? CudaOnHost.open() : Backends.open(Backends.device(device));
  }

  /**
   * {@return the CPU's backend}; ends the test where another device is under test
   *
   * @param threads how many threads work on a loop
   */
  public static Backend cpu(int threads) {
    String device = System.getProperty(DEVICE, Device.CPU.toString());
    Assumptions.assumeTrue(
        device.equals(Device.CPU.toString()), () -> "of the CPU alone, and this is " + device);
    return new CpuBackend(threads);
  }
}
