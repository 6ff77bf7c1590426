package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Backend;
import java.util.Optional;

/**
 * Whether the tests run the CUDA kernels on the host. They do wherever there is a C++ compiler; the
 * property {@code cocoli.test.sanitize} has them compiled with sanitizers.
 */
public final class CudaOnHost {
  private static final Optional<String> COMPILER = HostKernels.compiler();

  static {
    if (COMPILER.isEmpty()) {
      System.out.println(
          "skipped: CUDA kernels on the host: there is no C++ compiler (g++, clang++ or CXX)");
    }
  }

  private CudaOnHost() {}

  /** {@return whether there is a C++ compiler} */
  public static boolean isPossible() {
    return COMPILER.isPresent();
  }

  /** {@return a backend; the caller closes it} */
  public static Backend open() {
    HostKernels.Checks checks =
        Boolean.getBoolean("cocoli.test.sanitize")
            ? HostKernels.Checks.SANITIZERS
            : HostKernels.Checks.NONE;
    return HostBackend.open(HostKernels.library(COMPILER.orElseThrow(), checks));
  }
}
