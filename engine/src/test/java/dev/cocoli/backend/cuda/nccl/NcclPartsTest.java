package dev.cocoli.backend.cuda.nccl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.nccl.ncclConfig_t;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.NcclRanks;
import dev.cocoli.testing.Nvidia;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of NCCL's communicator can be seen without a GPU. */
class NcclPartsTest {

  /** The numbers are those of ncclDataType_t and ncclRedOp_t in nccl.h. */
  @ParameterizedTest
  @CsvSource({"F32, SUM, 7, 0", "F32, MEAN, 7, 4", "BF16, SUM, 9, 0", "BF16, MEAN, 9, 4"})
  void reductionsInNcclsWords(DType type, Reduction reduction, int ncclType, int ncclOperation) {
    try (Arena arena = Arena.ofConfined()) {
      Buffer buffer =
          new Buffer(new Device(Device.Kind.CUDA, 0), arena.allocate(1000, 64), () -> {});
      Tensor x = new Tensor(buffer, 8, Shape.of(3, 7), type);
      assertEquals(new NcclReduction(21, ncclType, ncclOperation), NcclReduction.of(x, reduction));
    }
  }

  @ParameterizedTest
  @CsvSource({"F32, 7", "BF16, 9", "I32, 2", "I64, 4", "U8, 1"})
  void typesInNcclsWords(DType type, int ncclType) {
    assertEquals(ncclType, NcclReduction.type(type));
  }

  @Test
  void nothingBlocks() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment config = NcclHandle.config(arena);
      assertEquals(0, ncclConfig_t.blocking(config));
      assertEquals(Nccl.NCCL_API_MAGIC(), ncclConfig_t.magic(config));
      assertEquals(ncclConfig_t.sizeof(), ncclConfig_t.size(config));
      int undefined = Nccl.NCCL_CONFIG_UNDEF_INT();
      assertEquals(undefined, ncclConfig_t.minCTAs(config));
      assertEquals(undefined, ncclConfig_t.collnetEnable(config));
    }
  }

  @Test
  void settingsOfTheEnvironment() {
    assertEquals(Map.of("NCCL_RUNTIME_CONNECT", "0"), NcclOptions.FASTEST.variables());
    assertEquals(
        Map.of(
            "NCCL_RUNTIME_CONNECT", "0",
            "NCCL_ALGO", "Ring",
            "NCCL_PROTO", "Simple",
            "NCCL_NVLS_ENABLE", "0"),
        NcclOptions.DETERMINISTIC.variables());
  }

  @Test
  void anIdHasItsSize() {
    assertEquals(128, NcclId.byteSize());
    try (Arena arena = Arena.ofConfined()) {
      byte[] id = new byte[128];
      id[127] = 5;
      assertEquals(5, NcclId.allocate(id, arena).get(ValueLayout.JAVA_BYTE, 127));
      assertThrows(IllegalArgumentException.class, () -> NcclId.allocate(new byte[127], arena));
    }
  }

  @Test
  void callsThatDifferAreNamed() {
    NcclPeers peers = new NcclPeers(2, 0, 2);
    assertEquals(1, peers.enter(0, "barrier").number());
    assertEquals(1, peers.enter(1, "barrier").number());
    peers.enter(1, "all-gather");
    CommunicatorException e =
        assertThrows(CommunicatorException.class, () -> peers.enter(0, "barrier"));
    assertEquals(List.of(1, 0), e.failedRanks());
    assertEquals(
        "rank 0 called #2 barrier where rank 1 called #2 all-gather; last collective entered: rank"
            + " 0 #2 barrier, rank 1 #2 all-gather",
        e.getMessage());
    assertThrows(CommunicatorException.class, () -> peers.enter(1, "barrier"));
  }

  @Test
  void ranksOfOtherProcessesAreNotKnown() {
    NcclPeers peers = new NcclPeers(4, 2, 2);
    var call = peers.enter(2, "barrier");
    peers.enter(3, "barrier");
    peers.failMissing(2, call, Duration.ofSeconds(30));
    CommunicatorException e = assertThrows(CommunicatorException.class, peers::throwIfFailed);
    assertEquals(List.of(), e.failedRanks());
    assertEquals(
        "a rank of another process did not join #1 barrier within 30.0 s of rank 2's coming; last"
            + " collective entered: rank 0 (another process, see there), rank 1 (another process,"
            + " see there), rank 2 #1 barrier, rank 3 #1 barrier",
        e.getMessage());
  }

  @Test
  void ranksThatAreMissingAreNamed() {
    NcclPeers peers = new NcclPeers(3, 0, 3);
    var call = peers.enter(1, "barrier");
    peers.failMissing(1, call, Duration.ofMillis(1500));
    CommunicatorException e = assertThrows(CommunicatorException.class, peers::throwIfFailed);
    assertEquals(List.of(0, 2), e.failedRanks());
    assertTrue(
        e.getMessage().startsWith("rank 0, rank 2 did not join #1 barrier within 1.5 s of rank 1"),
        e::toString);
  }

  @Test
  void whoClosesIsNotWaitedFor() {
    NcclPeers before = new NcclPeers(2, 0, 2);
    before.close(0, false);
    CommunicatorException e =
        assertThrows(CommunicatorException.class, () -> before.enter(1, "barrier"));
    assertTrue(e.getMessage().startsWith("rank 0 closed without joining #1 barrier"), e::toString);

    NcclPeers meanwhile = new NcclPeers(2, 0, 2);
    meanwhile.enter(1, "barrier");
    meanwhile.close(0, false);
    e = assertThrows(CommunicatorException.class, meanwhile::throwIfFailed);
    assertTrue(e.getMessage().startsWith("rank 0 closed without joining #1 barrier"), e::toString);

    NcclPeers inOrder = new NcclPeers(2, 0, 2);
    inOrder.enter(0, "barrier");
    inOrder.enter(1, "barrier");
    inOrder.close(0, false);
    inOrder.close(1, false);
    inOrder.throwIfFailed();
  }

  @Test
  void withoutADeviceTheCallThatFailsIsNamed() throws InterruptedException {
    Nvidia.require(NvidiaLibrary.CUDA_RUNTIME, NvidiaLibrary.NCCL);
    Assumptions.assumeTrue(NcclRanks.mostRanks() == 0, "there is a GPU");
    NativeException e =
        assertThrows(
            NativeException.class,
            () ->
                NcclConnector.connect(
                    new byte[128],
                    1,
                    0,
                    List.of(new NcclDevice(0, MemorySegment.NULL)),
                    Duration.ofSeconds(5),
                    NcclOptions.DETERMINISTIC));
    assertTrue(e.getMessage().startsWith("CUDA: cudaSetDevice returned "), e::toString);
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().startsWith("cocoli-nccl")) { // it may end at this moment
        thread.join(60_000);
        assertFalse(thread.isAlive(), "a thread is left");
      }
    }
  }
}
