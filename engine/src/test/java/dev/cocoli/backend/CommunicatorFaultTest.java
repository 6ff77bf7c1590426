package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Collective;
import dev.cocoli.testing.RankGroups;
import dev.cocoli.testing.RankThreads;
import dev.cocoli.testing.Timeouts;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What becomes of the others when a rank fails. Ranks of one process; nobody waits for ever. */
@ParameterizedClass
@MethodSource("groups")
@Tag("slow")
class CommunicatorFaultTest {
  /** Where nobody is to run into it. */
  private static final Duration LONG = Duration.ofMinutes(4);

  /** Where somebody is. */
  private static final Duration SHORT = Duration.ofMillis(300);

  @Parameter(0)
  RankGroups groups;

  @Parameter(1)
  int size;

  private Set<Thread> before;

  static Stream<Arguments> groups() {
    return RankGroups.all(2, 3);
  }

  @BeforeEach
  void lookAtThreads() {
    before = ours();
  }

  @AfterEach
  void noThreadIsLeft() throws InterruptedException {
    Set<Thread> left = ours();
    left.removeAll(before);
    for (Thread thread : left) { // one that has ended is still listed for a moment
      thread.join(LONG.toMillis());
      assertFalse(thread.isAlive(), thread::toString);
    }
  }

  private static Set<Thread> ours() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(
            thread -> thread.getName().startsWith("cocoli-") && !thread.getName().contains("-cpu-"))
        .collect(Collectors.toSet());
  }

  private static CommunicatorException failure(Throwable thrown) {
    return assertInstanceOf(CommunicatorException.class, thrown);
  }

  private static void assertContains(String part, CommunicatorException e) {
    assertTrue(e.getMessage().contains(part), () -> "\"" + part + "\" is not in: " + e);
  }

  @ParameterizedTest
  @EnumSource
  void theOthersLearnWhyARankGaveUp(Collective collective) {
    List<Throwable> thrown =
        RankThreads.outcomes(
            groups,
            size,
            LONG,
            (communicator, tensors) -> {
              communicator.barrier();
              if (communicator.rank() == 1) {
                communicator.abort("image 12.jpg is broken");
                throw new IllegalStateException("the cause");
              }
              collective.call(communicator, tensors);
            });
    for (int rank = 0; rank < size; rank++) {
      if (rank == 1) {
        assertInstanceOf(IllegalStateException.class, thrown.get(rank));
      } else {
        CommunicatorException e = failure(thrown.get(rank));
        assertEquals(List.of(1), e.failedRanks());
        assertContains("rank 1 gave up: image 12.jpg is broken", e);
        assertContains("rank 1 #1 barrier", e);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aSleeperIsNamed(Collective collective) {
    CountDownLatch othersFailed = new CountDownLatch(size - 1);
    List<Throwable> thrown =
        RankThreads.outcomes(
            groups,
            size,
            SHORT,
            (communicator, tensors) -> {
              if (communicator.rank() == size - 1) {
                othersFailed.await();
              }
              try {
                collective.call(communicator, tensors);
              } finally {
                othersFailed.countDown();
              }
            });
    for (Throwable t : thrown) {
      CommunicatorException e = failure(t);
      assertTrue(e.failedRanks().contains(size - 1), e::toString);
      assertContains("0.3 s", e);
      assertContains("rank " + (size - 1) + " none", e);
      assertContains("#1 " + collective.what, e);
    }
  }

  @Test
  void onlyTheMissingAreNamed() {
    List<Throwable> thrown =
        Timeouts.longEnough(
            this::allButTheFirstReduce,
            early -> early.stream().skip(1).anyMatch(CommunicatorFaultTest::namesOthers));
    for (int rank = 1; rank < size; rank++) {
      CommunicatorException e = failure(thrown.get(rank));
      assertEquals(List.of(0), e.failedRanks());
      assertContains("rank 0 did not join #1 all-reduce (mean) of 5 F32", e);
      assertContains("last collective entered: rank 0 none, rank 1 #", e);
    }
  }

  private static boolean namesOthers(Throwable thrown) {
    return !failure(thrown).failedRanks().equals(List.of(0));
  }

  private List<Throwable> allButTheFirstReduce(Duration timeout) {
    CountDownLatch started = new CountDownLatch(size - 1);
    CountDownLatch failed = new CountDownLatch(size - 1);
    return RankThreads.outcomes(
        groups,
        size,
        timeout,
        (communicator, tensors) -> {
          if (communicator.rank() == 0) {
            failed.await();
            return;
          }
          try {
            communicator.startAllReduce(tensors.floats(new float[5]), Reduction.MEAN);
            started.countDown();
            started.await();
            communicator.awaitAllReduces();
            communicator.barrier();
          } finally {
            started.countDown();
            failed.countDown();
          }
        });
  }

  /** Its thread is in a call of the backend then, not of the communicator. */
  @Test
  void aRankThatWaitsForItsDeviceIsSetFree() {
    CountDownLatch free = new CountDownLatch(size - 1);
    List<Throwable> thrown =
        RankThreads.outcomes(
            groups,
            size,
            SHORT,
            (communicator, tensors) -> {
              if (communicator.rank() == 0) {
                free.await();
                return;
              }
              try {
                Tensor x = tensors.floats(new float[1000]);
                communicator.startAllReduce(x, Reduction.SUM);
                communicator.awaitAllReduces();
                tensors.floats(x);
                communicator.startAllReduce(x, Reduction.SUM);
              } finally {
                free.countDown();
              }
            });
    for (int rank = 1; rank < size; rank++) {
      CommunicatorException e = failure(thrown.get(rank));
      assertTrue(e.failedRanks().contains(0), e::toString);
    }
  }

  @ParameterizedTest
  @EnumSource
  void whoClosesIsNotWaitedFor(Collective collective) {
    List<Throwable> thrown =
        RankThreads.outcomes(
            groups,
            size,
            LONG,
            (communicator, tensors) -> {
              communicator.barrier();
              if (communicator.rank() != 0) {
                collective.call(communicator, tensors);
              }
            });
    assertEquals(null, thrown.getFirst());
    for (int rank = 1; rank < size; rank++) {
      CommunicatorException e = failure(thrown.get(rank));
      assertEquals(List.of(0), e.failedRanks());
      assertContains("rank 0 closed without joining #2 ", e);
    }
  }

  @Test
  void differentSizesAreNamed() {
    assertMismatch(
        (communicator, tensors) ->
            communicator.startAllReduce(
                tensors.floats(new float[communicator.rank() == 0 ? 10 : 11]), Reduction.SUM),
        "#1 all-reduce (sum) of 10 F32",
        "#1 all-reduce (sum) of 11 F32");
  }

  @Test
  void differentTypesAreNamed() {
    assertMismatch(
        (communicator, tensors) ->
            communicator.startAllReduce(
                communicator.rank() == 0
                    ? tensors.floats(new float[4])
                    : tensors.bfloats(new float[4]),
                Reduction.SUM),
        "of 4 F32",
        "of 4 BF16");
  }

  @Test
  void differentCollectivesAreNamed() {
    assertMismatch(
        (communicator, tensors) -> {
          if (communicator.rank() == 0) {
            communicator.allGather(new byte[1]);
          } else {
            communicator.barrier();
          }
        },
        "#1 all-gather",
        "#1 barrier");
  }

  @Test
  void differentRootsAreNamed() {
    assertMismatch(
        (communicator, tensors) ->
            communicator.broadcast(tensors.floats(new float[4]), communicator.rank() == 0 ? 0 : 1),
        "broadcast of 16 bytes from rank 0",
        "broadcast of 16 bytes from rank 1");
  }

  private void assertMismatch(RankThreads.Body body, String one, String other) {
    List<Throwable> thrown =
        RankThreads.outcomes(
            groups,
            size,
            LONG,
            (communicator, tensors) -> {
              body.run(communicator, tensors);
              communicator.awaitAllReduces();
              communicator.barrier();
            });
    for (Throwable t : thrown) {
      CommunicatorException e = failure(t);
      assertEquals(2, e.failedRanks().size(), e::toString);
      assertContains(one, e);
      assertContains(other, e);
      assertContains(" called ", e);
    }
  }

  @Test
  void aRankIsAbortedFromAnotherThread() {
    CountDownLatch waiting = new CountDownLatch(size);
    List<Throwable> thrown =
        RankThreads.outcomes(
            groups,
            size,
            LONG,
            (communicator, tensors) -> {
              if (communicator.rank() == 0) {
                Thread watchdog =
                    Thread.ofPlatform()
                        .start(
                            () -> {
                              try {
                                waiting.await();
                              } catch (InterruptedException e) {
                                throw new AssertionError(e);
                              }
                              communicator.abort("the watchdog bit");
                              communicator.abort("and again");
                            });
                waiting.countDown();
                watchdog.join();
              } else {
                waiting.countDown();
              }
              communicator.barrier();
            });
    for (Throwable t : thrown) {
      CommunicatorException e = failure(t);
      assertContains("rank 0 gave up: the watchdog bit", e);
      assertEquals(List.of(0), e.failedRanks());
    }
  }

  @Test
  void afterAFailureEveryCallFailsAlike() {
    List<Throwable> thrown =
        RankThreads.outcomes(
            groups,
            size,
            LONG,
            (communicator, tensors) -> {
              communicator.abort("first of rank " + communicator.rank());
              for (Collective collective : Collective.values()) {
                CommunicatorException e =
                    assertThrows(
                        CommunicatorException.class, () -> collective.call(communicator, tensors));
                assertContains("gave up: first of rank", e);
              }
              communicator.close();
              communicator.close();
              communicator.abort("after the end");
            });
    for (Throwable t : thrown) {
      assertEquals(null, t);
    }
  }

  @Test
  void closingWithReductionsUnderWayIsAFault() {
    CountDownLatch closed = new CountDownLatch(1);
    List<Throwable> thrown =
        RankThreads.outcomes(
            groups,
            size,
            LONG,
            (communicator, tensors) -> {
              if (communicator.rank() == 0) {
                communicator.startAllReduce(tensors.floats(new float[100_000]), Reduction.SUM);
                communicator.close();
                closed.countDown();
              } else {
                closed.await();
                communicator.startAllReduce(tensors.floats(new float[100_000]), Reduction.SUM);
                communicator.awaitAllReduces();
                communicator.barrier();
              }
            });
    for (int rank = 1; rank < size; rank++) {
      assertContains("rank 0 closed", failure(thrown.get(rank)));
    }
  }
}
