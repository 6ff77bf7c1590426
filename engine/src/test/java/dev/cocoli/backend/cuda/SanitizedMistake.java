package dev.cocoli.backend.cuda;

import dev.cocoli.backend.cuda.kernels.Kernel;
import dev.cocoli.backend.cuda.kernels.KernelCall;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Compilers;

/** Runs one wrong kernel, in the process that {@link SanitizerTest} starts. */
final class SanitizedMistake {
  private static final int THREADS = 32;

  private SanitizedMistake() {}

  public static void main(String[] arguments) {
    HostQueue queue =
        new HostQueue(
            HostKernels.mistakes(Compilers.cpp().orElseThrow(), HostKernels.Checks.SANITIZERS));
    Buffer buffer = queue.allocate(Integer.BYTES * THREADS);
    new KernelCall(queue)
        .of(new Kernel("mistakes", arguments[0]))
        .tensor(new Tensor(buffer, 0, Shape.of(THREADS), DType.I32))
        .i32(THREADS)
        .blocks(1, 1, THREADS, Integer.BYTES * (THREADS - 1));
    System.out.println("nothing was seen");
  }
}
