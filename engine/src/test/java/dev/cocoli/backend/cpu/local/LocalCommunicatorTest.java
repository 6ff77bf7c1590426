package dev.cocoli.backend.cpu.local;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Bf16;
import dev.cocoli.testing.LocalRanks;
import dev.cocoli.testing.RankThreads;
import dev.cocoli.testing.TestBackends;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** What only ranks that share memory can do, or do wrong. */
class LocalCommunicatorTest {
  private static final Duration LONG = Duration.ofMinutes(4);

  @Test
  void addsInTheOrderOfTheRanksAndRoundsOnce() {
    int count = 40_000;
    float[][] values = new float[3][count];
    Random random = new Random(5);
    for (float[] rank : values) {
      for (int i = 0; i < count; i++) {
        rank[i] = (float) random.nextGaussian() * (1 << random.nextInt(20));
      }
    }
    float[] expected = new float[count];
    for (int i = 0; i < count; i++) {
      expected[i] = (values[0][i] + values[1][i] + values[2][i]) / 3;
    }
    float[] expectedBf16 = new float[count];
    for (int i = 0; i < count; i++) {
      float sum = Bf16.round(values[0][i]) + Bf16.round(values[1][i]) + Bf16.round(values[2][i]);
      expectedBf16[i] = Bf16.round(sum / 3);
    }
    RankThreads.run(
        new LocalRanks(),
        3,
        (communicator, tensors) -> {
          Tensor x = tensors.floats(values[communicator.rank()]);
          Tensor y = tensors.bfloats(values[communicator.rank()]);
          communicator.startAllReduce(x, Reduction.MEAN);
          communicator.startAllReduce(y, Reduction.MEAN);
          communicator.awaitAllReduces();
          assertArrayEquals(expected, tensors.floats(x));
          assertArrayEquals(expectedBf16, tensors.floats(y));
        });
  }

  @Test
  void aTensorThatWasFreedTooEarlyIsNamed() {
    CountDownLatch freed = new CountDownLatch(1);
    try (Backend memory = TestBackends.cpu(1)) {
      List<Throwable> thrown =
          RankThreads.outcomes(
              new LocalRanks(),
              2,
              LONG,
              (communicator, tensors) -> {
                Tensor x;
                if (communicator.rank() == 1) {
                  Buffer buffer = memory.allocate(400_000);
                  x = new Tensor(buffer, 0, Shape.of(100_000), DType.F32);
                  communicator.startAllReduce(x, Reduction.SUM);
                  buffer.close();
                  freed.countDown();
                } else {
                  freed.await();
                  x = tensors.floats(new float[100_000]);
                  communicator.startAllReduce(x, Reduction.SUM);
                }
                communicator.awaitAllReduces();
              });
      for (Throwable t : thrown) {
        CommunicatorException e = assertInstanceOf(CommunicatorException.class, t);
        assertEquals(List.of(1), e.failedRanks());
        assertTrue(e.getMessage().contains("rank 1 freed its tensor"), e::toString);
        assertInstanceOf(IllegalStateException.class, e.getCause());
      }
    }
  }

  @Test
  void anInterruptedRankIsNamed() {
    List<Throwable> thrown =
        RankThreads.outcomes(
            new LocalRanks(),
            2,
            LONG,
            (communicator, tensors) -> {
              if (communicator.rank() == 0) {
                Thread.currentThread().interrupt();
                try {
                  communicator.barrier();
                } finally {
                  assertTrue(Thread.interrupted(), "the interrupt is lost");
                }
              } else {
                communicator.barrier();
                communicator.barrier();
              }
            });
    // rank 0 may find that rank 1 has come already, and need not wait
    assertInstanceOf(CommunicatorException.class, thrown.get(1));
  }

  @Test
  void refusesGroupsThatCannotBe() {
    try (Backend backend = TestBackends.cpu(1)) {
      assertThrows(IllegalArgumentException.class, () -> LocalCommunicator.group(List.of(), LONG));
      assertThrows(
          IllegalArgumentException.class,
          () -> LocalCommunicator.group(List.of(backend, backend), LONG));
      assertThrows(
          IllegalArgumentException.class,
          () -> LocalCommunicator.group(List.of(backend), Duration.ZERO));
    }
  }
}
