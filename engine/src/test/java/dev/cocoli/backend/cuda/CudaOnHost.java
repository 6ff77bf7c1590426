package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.cuda.kernels.Summation;
import dev.cocoli.testing.Compilers;
import java.util.Optional;

/**
 * Whether the tests run the CUDA kernels on the host. They do wherever there is a C++ compiler;
 * with sanitizers they run in a process of their own.
 */
public final class CudaOnHost {
  /** Set in the process that {@link SanitizerTest} starts. */
  static final String SANITIZE = "cocoli.test.sanitize";

  private static final Optional<String> COMPILER = Compilers.cpp();

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

  /** {@return whether only these kernels are under test, with sanitizers} */
  public static boolean isSanitized() {
    return Boolean.getBoolean(SANITIZE);
  }

  /** {@return a backend; the caller closes it} */
  public static Backend open() {
    return open(Summation.FASTEST);
  }

  /** {@return a backend whose results have the same bits in every run; the caller closes it} */
  public static Backend openDeterministic() {
    return open(Summation.DETERMINISTIC);
  }

  static HostBackend open(Summation summation) {
    String compiler = COMPILER.orElseThrow();
    return isSanitized()
        ? HostBackend.openExact(
            HostKernels.library(compiler, HostKernels.Checks.SANITIZERS), summation)
        : HostBackend.open(HostKernels.library(compiler, HostKernels.Checks.NONE), summation);
  }
}
