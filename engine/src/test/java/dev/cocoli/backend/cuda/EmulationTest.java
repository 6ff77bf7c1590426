package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cocoli.backend.cuda.kernels.Kernel;
import dev.cocoli.backend.cuda.kernels.KernelCall;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Compilers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** That kernels which a GPU would run into the void fail on the host, each with one clear error. */
@Tag("slow")
class EmulationTest {
  private static final int THREADS = 128;

  private static HostQueue queue;

  @BeforeAll
  static void compile() {
    assumeTrue(CudaOnHost.isPossible(), "there is no C++ compiler");
    queue =
        new HostQueue(HostKernels.mistakes(Compilers.cpp().orElseThrow(), HostKernels.Checks.NONE));
  }

  @AfterAll
  static void close() {
    if (queue != null) {
      queue.close();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nowhere | there is no such kernel",
        "divergent_barrier | threads wait for each other: 64 at __syncthreads, 0 at a warp's"
            + " shuffle or vote, 64 have returned",
        "gone_lane | threads wait for each other: 0 at __syncthreads, 124 at a warp's shuffle or"
            + " vote, 4 have returned",
        "lane_outside_the_mask | a shuffle reads a lane that does not take part",
        "not_in_its_own_mask | a lane takes part in a shuffle or vote whose mask leaves it out"
      })
  void saysWhatIsWrong(String kernel, String message) {
    IllegalStateException error = assertThrows(IllegalStateException.class, () -> run(kernel));
    assertEquals("mistakes.cu: " + kernel + ": " + message, error.getMessage());
    // and goes on with the next kernel
    assertArrayEquals(reversed(), run("reversed"));
  }

  @Test
  void countsTheArguments() {
    try (Buffer buffer = queue.allocate(64)) {
      KernelCall call =
          new KernelCall(queue)
              .of(new Kernel("mistakes", "reversed"))
              .tensor(new Tensor(buffer, 0, Shape.of(16), DType.I32))
              .i64(1)
              .i64(2);
      IllegalStateException error =
          assertThrows(IllegalStateException.class, () -> call.blocks(1, 16));
      assertEquals(
          "mistakes.cu: reversed: its arguments have 16 bytes, not 24", error.getMessage());
    }
  }

  /** In an order that is drawn, a thread sooner or later reads what another has not written yet. */
  @Test
  void aMissingBarrierShows() {
    for (int attempt = 0; attempt < 20; attempt++) {
      assertArrayEquals(reversed(), run("reversed"));
    }
    // without the barrier the other half of the threads reads what came before it
    assertTrue(!Arrays.equals(reversed(), run("missing_barrier")));
  }

  private static int[] reversed() {
    return IntStream.range(0, THREADS).map(i -> THREADS - i).toArray();
  }

  /** Runs a kernel on the numbers from 1. */
  private static int[] run(String kernel) {
    try (Buffer buffer = queue.allocate((long) Integer.BYTES * THREADS)) {
      int[] numbers = IntStream.rangeClosed(1, THREADS).toArray();
      MemorySegment memory = buffer.segment();
      memory.copyFrom(MemorySegment.ofArray(numbers));
      new KernelCall(queue)
          .of(new Kernel("mistakes", kernel))
          .tensor(new Tensor(buffer, 0, Shape.of(THREADS), DType.I32))
          .i32(THREADS)
          .blocks(1, THREADS);
      return memory.toArray(ValueLayout.JAVA_INT);
    }
  }
}
