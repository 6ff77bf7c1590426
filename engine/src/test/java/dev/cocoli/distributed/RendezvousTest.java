package dev.cocoli.distributed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The ranks of a job find each other, or say who is missing. */
class RendezvousTest extends RendezvousRanks {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void everyRankGetsThePayload(int size) throws Exception {
    List<FutureTask<byte[]>> ranks = new ArrayList<>();
    for (int rank = size - 1; rank > 0; rank--) {
      ranks.add(join(rank, size));
    }
    ranks.add(serve(size, LONG));
    for (FutureTask<byte[]> rank : ranks) {
      assertArrayEquals(PAYLOAD, rank.get());
    }
  }

  @Test
  void othersWaitUntilRankZeroListens() throws Exception {
    listener.close();
    FutureTask<byte[]> early = join(1, 2);
    Thread.sleep(200);
    assertTrue(!early.isDone(), "gave up at once");
    FutureTask<byte[]> late = start(() -> exchange(rank(0, 2), DIGEST, LONG));
    assertArrayEquals(PAYLOAD, early.get());
    assertArrayEquals(PAYLOAD, late.get());
  }

  @Test
  void whoNeverComesIsNamed() {
    CommunicatorException e =
        timedOut(4, () -> join(2, 4), early -> early.failedRanks().contains(2));
    assertEquals(List.of(1, 3), e.failedRanks());
    String message = "rank 1, rank 3 of 4 did not come to rank 0 at port " + port;
    assertTrue(e.getMessage().startsWith(message), e::toString);
    failure(tasks.getLast(), message);
  }

  @Test
  void greetingsMayComeInPieces() throws Exception {
    FutureTask<byte[]> server = serve(2, LONG);
    try (Guest guest = new Guest(SECRET)) {
      for (byte b : guest.session().greeting(1, 2, DIGEST).array()) {
        guest.send(ByteBuffer.wrap(new byte[] {b}));
      }
      assertArrayEquals(PAYLOAD, guest.payload());
      assertArrayEquals(PAYLOAD, server.get());
    }
  }

  @Test
  void whoLeavesBeforeAllHaveComeIsNamed() {
    String message = ") left before all ranks had come";
    CommunicatorException e =
        timedOut(3, () -> comeAndLeave(2), early -> !early.getMessage().contains(message));
    assertTrue(e.getMessage().contains("rank 2 (/127.0.0.1:"), e::toString);
    assertTrue(e.getMessage().contains(message), e::toString);
    assertEquals(List.of(1, 2), e.failedRanks());
  }

  private void comeAndLeave(int rank) {
    try (Guest guest = new Guest(SECRET)) {
      guest.send(guest.session().greeting(rank, 3, DIGEST));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void whoLeftMayComeAgain() throws Exception {
    FutureTask<byte[]> server = serve(3, LONG);
    comeAndLeave(2);
    awaitLog("left before all ranks had come");
    FutureTask<byte[]> again = join(2, 3);
    assertArrayEquals(PAYLOAD, join(1, 3).get());
    assertArrayEquals(PAYLOAD, again.get());
    assertArrayEquals(PAYLOAD, server.get());
  }

  @Test
  void rankZeroListensWhereItIsFound() throws IOException {
    assertTrue(Rendezvous.listeningAddress(rank(0, 2), log::add).getAddress().isLoopbackAddress());
    assertEquals(List.of(), log);
    RankEnvironment elsewhere = new RankEnvironment(0, 2, 0, "192.0.2.1", port); // RFC 5737
    assertTrue(Rendezvous.listeningAddress(elsewhere, log::add).getAddress().isAnyLocalAddress());
    assertTrue(log.getFirst().contains("192.0.2.1, which is none of this machine"), log::toString);
  }

  @Test
  void aPortThatIsTaken() {
    FutureTask<byte[]> server = start(() -> exchange(rank(0, 2), DIGEST, LONG));
    failure(server, "cannot listen on port " + port + ", which is taken", "MASTER_PORT");
  }

  @Test
  void nobodyListens() throws IOException {
    listener.close();
    FutureTask<byte[]> rank = start(() -> exchange(rank(1, 2), DIGEST, Duration.ofMillis(500)));
    CommunicatorException e =
        failure(rank, "rank 1 found no way to rank 0 at 127.0.0.1:" + port + " within 0.5 s");
    assertEquals(List.of(0), e.failedRanks());
  }

  @Test
  void aHostWithoutAddress() {
    RankEnvironment ranks = new RankEnvironment(1, 2, 0, "no-such-host.invalid", port);
    CommunicatorException e =
        assertThrows(
            CommunicatorException.class, () -> exchange(ranks, DIGEST, Duration.ofMillis(300)));
    assertTrue(e.getMessage().contains("no-such-host.invalid"), e::toString);
  }

  @Test
  void anotherProgramAnswers() throws Exception {
    FutureTask<byte[]> rank = join(1, 2);
    try (Socket socket = listener.accept().socket()) {
      socket
          .getOutputStream()
          .write("220 mail.example ESMTP ready\r\n".getBytes(StandardCharsets.US_ASCII));
      failure(rank, "another program than rank 0 listens at 127.0.0.1:" + port);
    }
  }

  @Test
  void rankZeroDiesBeforeItAnswers() throws Exception {
    FutureTask<byte[]> rank = join(1, 2);
    listener.accept().close();
    failure(rank, "rank 0 at 127.0.0.1:" + port + " ended the connection without an answer");
  }

  @Test
  void aPayloadThatCannotBeMadeIsRankZerosFault() throws Exception {
    FutureTask<byte[]> server =
        start(
            () ->
                Rendezvous.serve(
                    listener,
                    rank(0, 2),
                    SECRET,
                    DIGEST,
                    () -> {
                      throw new UncheckedIOException(new IOException("no library"));
                    },
                    LONG,
                    log::add));
    Throwable thrown = assertThrows(ExecutionException.class, server::get).getCause();
    assertInstanceOf(UncheckedIOException.class, thrown);
    assertNull(thrown.getCause().getCause());
  }
}
