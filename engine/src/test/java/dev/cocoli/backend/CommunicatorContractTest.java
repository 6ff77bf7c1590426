package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Bf16;
import dev.cocoli.testing.RankGroups;
import dev.cocoli.testing.RankThreads;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What collectives owe when nothing goes wrong, whatever connects the ranks. */
@ParameterizedClass
@MethodSource("groups")
@Tag("slow")
class CommunicatorContractTest {
  /** Empty, one, odd, and around the pieces and blocks that implementations cut tensors into. */
  private static final int[] COUNTS = {0, 1, 2, 3, 7, 63, 1001, 16_383, 16_384, 16_385, 200_003};

  @Parameter(0)
  RankGroups groups;

  @Parameter(1)
  int size;

  static Stream<Arguments> groups() {
    return RankGroups.all(1, 2, 3, 4);
  }

  /** A rank's numbers: multiples of 1/8 that sum exactly in F32, in any order. */
  private static float[] exact(int rank, int count) {
    Random random = new Random(1000 + rank);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (random.nextInt(4001) - 2000) / 8f;
    }
    return values;
  }

  private static float[] gaussians(int rank, int count) {
    Random random = new Random(2000 + rank);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private double[] sums(List<float[]> ranks) {
    double[] sums = new double[ranks.getFirst().length];
    for (float[] values : ranks) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += values[i];
      }
    }
    return sums;
  }

  private List<float[]> all(IntFunction<float[]> values) {
    return IntStream.range(0, size).mapToObj(values).toList();
  }

  @ParameterizedTest
  @EnumSource
  void everyRankGetsTheReduction(Reduction reduction) {
    RankThreads.run(
        groups,
        size,
        (communicator, tensors) -> {
          assertEquals(size, communicator.size());
          for (int count : COUNTS) {
            Tensor x = tensors.floats(exact(communicator.rank(), count));
            long version = x.buffer().version();
            communicator.startAllReduce(x, reduction);
            communicator.awaitAllReduces();
            assertTrue(x.buffer().version() > version, "the tensor's version has not moved");
            assertReduced(all(rank -> exact(rank, count)), reduction, tensors.floats(x));
          }
        });
  }

  /** A sum of such numbers is exact; in a mean each element may be rounded, and the result. */
  private void assertReduced(List<float[]> ranks, Reduction reduction, float[] got) {
    for (int i = 0; i < got.length; i++) {
      double sum = 0;
      double most = 0;
      for (float[] values : ranks) {
        sum += values[i];
        most += Math.abs(values[i]);
      }
      double expected = reduction == Reduction.MEAN ? sum / size : sum;
      double tolerance = reduction == Reduction.MEAN ? most * 0x1p-22 : 0;
      assertEquals(expected, got[i], tolerance, "element " + i + " of " + got.length);
    }
  }

  @Test
  void bf16IsRounded() {
    RankThreads.run(
        groups,
        size,
        (communicator, tensors) -> {
          for (int count : COUNTS) {
            Tensor x = tensors.bfloats(gaussians(communicator.rank(), count));
            communicator.startAllReduce(x, Reduction.MEAN);
            communicator.awaitAllReduces();
            List<float[]> ranks = all(rank -> Bf16.round(gaussians(rank, count)));
            double[] sums = sums(ranks);
            float[] got = tensors.floats(x);
            for (int i = 0; i < count; i++) {
              double most = 0;
              for (float[] values : ranks) {
                most += Math.abs(values[i]);
              }
              // where each rank's element and each partial sum is rounded
              assertEquals(sums[i] / size, got[i], most / 256, "element " + i + " of " + count);
            }
          }
        });
  }

  @Test
  void manyReductionsAreUnderWayAtOnce() {
    int reductions = 60;
    RankThreads.run(
        groups,
        size,
        (communicator, tensors) -> {
          List<Tensor> started = new ArrayList<>();
          for (int i = 0; i < reductions; i++) {
            int count = i * 977;
            Tensor x = tensors.floats(exact(communicator.rank() + i, count));
            communicator.startAllReduce(x, i % 3 == 0 ? Reduction.MEAN : Reduction.SUM);
            started.add(x);
            if (i % 20 == 19) {
              // other collectives between them
              assertEquals(size, communicator.allGather(new byte[i]).size());
            }
          }
          communicator.awaitAllReduces();
          communicator.awaitAllReduces(); // nothing is left to wait for
          for (int i = 0; i < reductions; i++) {
            int first = i;
            int count = i * 977;
            assertReduced(
                all(rank -> exact(rank + first, count)),
                i % 3 == 0 ? Reduction.MEAN : Reduction.SUM,
                tensors.floats(started.get(i)));
          }
        });
  }

  @Test
  void startingDoesNotWaitForTheOthers() {
    CountDownLatch firstHasStarted = new CountDownLatch(1);
    RankThreads.run(
        groups,
        size,
        (communicator, tensors) -> {
          List<Tensor> started = new ArrayList<>();
          if (communicator.rank() != 0) {
            firstHasStarted.await();
          }
          for (int i = 0; i < 8; i++) {
            Tensor x = tensors.floats(exact(communicator.rank(), 5000));
            communicator.startAllReduce(x, Reduction.SUM);
            started.add(x);
          }
          firstHasStarted.countDown();
          communicator.awaitAllReduces();
          Communicator.AllReduceTimes times = communicator.takeAllReduceTimes();
          assertTrue(times.seconds() >= 0 && times.seconds() < 60, times::toString);
          assertTrue(times.waitSeconds() >= 0 && times.waitSeconds() < 60, times::toString);
          communicator.barrier();
          communicator.takeAllReduceTimes();
          assertEquals(new Communicator.AllReduceTimes(0, 0), communicator.takeAllReduceTimes());
          double[] sums = sums(all(rank -> exact(rank, 5000)));
          for (Tensor x : started) {
            assertEquals(sums[4999], tensors.floats(x)[4999]);
          }
        });
  }

  /** On a device that queues what it is called for, each step reads what the one before wrote. */
  @Test
  void runsInTheOrderOfTheBackendsCalls() {
    int count = 300_000;
    RankThreads.run(
        groups,
        size,
        (communicator, tensors) -> {
          Tensor mine = tensors.floats(exact(communicator.rank(), count));
          Tensor x = tensors.floatOutput(count);
          Tensor y = tensors.floatOutput(count);
          Tensor z = tensors.floatOutput(count);
          for (int i = 0; i < 20; i++) {
            tensors.backend().copies().copy(mine, z); // keeps the device busy
          }
          tensors.backend().copies().copy(mine, x);
          communicator.startAllReduce(x, Reduction.SUM);
          communicator.awaitAllReduces();
          tensors.backend().copies().copy(x, y);
          if (communicator.rank() == 0) {
            tensors.backend().copies().copy(y, z);
          }
          communicator.broadcast(z, 0);
          tensors.backend().copies().copy(z, x);
          assertReduced(all(rank -> exact(rank, count)), Reduction.SUM, tensors.floats(x));
        });
  }

  @Test
  void bitsAreTheSameOnEveryRankAndInEveryRun() {
    int count = 70_001;
    List<float[]> first = new ArrayList<>();
    for (int run = 0; run < 2; run++) {
      float[][] results = new float[2 * size][];
      RankThreads.run(
          groups,
          size,
          (communicator, tensors) -> {
            int rank = communicator.rank();
            Tensor x = tensors.floats(gaussians(rank, count));
            Tensor y = tensors.bfloats(gaussians(rank, count));
            communicator.startAllReduce(x, Reduction.MEAN);
            communicator.startAllReduce(y, Reduction.SUM);
            communicator.awaitAllReduces();
            results[2 * rank] = tensors.floats(x);
            results[2 * rank + 1] = tensors.floats(y);
          });
      if (run == 0) {
        first.add(results[0]);
        first.add(results[1]);
      }
      for (int rank = 0; rank < size; rank++) {
        assertArrayEquals(first.get(0), results[2 * rank], "F32, run " + run + ", rank " + rank);
        assertArrayEquals(first.get(1), results[2 * rank + 1], "BF16, run " + run);
      }
    }
  }

  @Test
  void broadcastsFromEachRank() {
    RankThreads.run(
        groups,
        size,
        (communicator, tensors) -> {
          for (int root = 0; root < size; root++) {
            for (int count : new int[] {0, 1, 5, 40_001}) {
              Tensor x = tensors.floats(exact(communicator.rank(), count));
              communicator.broadcast(x, root);
              assertArrayEquals(exact(root, count), tensors.floats(x));
              Tensor bytes =
                  tensors.bytes(new byte[] {(byte) communicator.rank(), 1, (byte) 200}, 3);
              communicator.broadcast(bytes, root);
              assertArrayEquals(new byte[] {(byte) root, 1, (byte) 200}, tensors.bytes(bytes));
            }
          }
        });
  }

  @Test
  void gathersValuesOfAnySize() {
    RankThreads.run(
        groups,
        size,
        (communicator, _) -> {
          int rank = communicator.rank();
          List<byte[]> words =
              communicator.allGather(
                  ("rank " + rank).repeat(rank).getBytes(StandardCharsets.UTF_8));
          assertEquals(size, words.size());
          for (int other = 0; other < size; other++) {
            assertEquals(
                ("rank " + other).repeat(other),
                new String(words.get(other), StandardCharsets.UTF_8));
          }
          for (byte[] nothing : communicator.allGather(new byte[0])) {
            assertEquals(0, nothing.length);
          }
          byte[] mine = {(byte) rank};
          List<byte[]> values = communicator.allGather(mine);
          mine[0] = 99;
          values.get(0)[0] = 77; // nobody else's copy
          communicator.barrier();
          if (size > 1 && rank > 0) {
            assertEquals(rank, values.get(rank)[0]);
          }
          byte[] large = new byte[100_000 + rank];
          large[large.length - 1] = (byte) (rank + 1);
          List<byte[]> larger = communicator.allGather(large);
          for (int other = 0; other < size; other++) {
            assertEquals(100_000 + other, larger.get(other).length);
            assertEquals(other + 1, larger.get(other)[100_000 + other - 1]);
          }
        });
  }

  @Test
  void aBarrierWaitsForEveryone() {
    AtomicInteger came = new AtomicInteger();
    RankThreads.run(
        groups,
        size,
        (communicator, _) -> {
          for (int round = 1; round <= 50; round++) {
            came.incrementAndGet();
            communicator.barrier();
            assertTrue(came.get() >= round * size, "left the barrier before all had come");
            communicator.barrier();
          }
        });
  }

  @Test
  void refusesWhatItCannotReduce() {
    RankThreads.run(
        groups,
        size,
        (communicator, tensors) -> {
          Tensor ints = tensors.ints(new int[3]);
          assertThrows(
              IllegalArgumentException.class,
              () -> communicator.startAllReduce(ints, Reduction.SUM));
          Tensor x = tensors.floats(new float[3]);
          assertThrows(IllegalArgumentException.class, () -> communicator.broadcast(x, size));
          assertThrows(IllegalArgumentException.class, () -> communicator.broadcast(x, -1));
          communicator.barrier(); // and still works
        });
  }
}
