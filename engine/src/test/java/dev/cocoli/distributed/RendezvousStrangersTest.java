package dev.cocoli.distributed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Guests that do not fit are refused and named, and the ranks find each other nevertheless. */
@Tag("slow")
class RendezvousStrangersTest extends RendezvousRanks {
  @Test
  void whoComesTwiceIsNamed() throws Exception {
    FutureTask<byte[]> server = serve(3, LONG);
    FutureTask<byte[]> one = join(1, 3);
    FutureTask<byte[]> other = join(1, 3);
    String message = ") came twice, first from /127.0.0.1:";
    awaitLog(message);
    assertArrayEquals(PAYLOAD, join(2, 3).get());
    assertArrayEquals(PAYLOAD, server.get());
    FutureTask<byte[]> second = succeeded(one) ? other : one;
    assertArrayEquals(PAYLOAD, (second == one ? other : one).get());
    failure(second, "rank 1 (/127.0.0.1:", message);
  }

  @Test
  void asManyRanksOnEachSide() throws Exception {
    FutureTask<byte[]> server = serve(2, LONG);
    refuses(
        join(1, 3), server, "rank 1 (/127.0.0.1:", "was started as one of 3 ranks, rank 0 of 2");
  }

  @Test
  void aRankThatIsNoneIsRefused() throws Exception {
    FutureTask<byte[]> server = serve(2, LONG);
    try (Guest guest = new Guest(SECRET)) {
      guest.send(guest.session().greeting(7, 2, DIGEST));
      assertTrue(guest.refusal().contains("is rank 0 itself or none of 2 ranks"), guest.refusal());
    }
    assertArrayEquals(PAYLOAD, join(1, 2).get());
    assertArrayEquals(PAYLOAD, server.get());
  }

  @Test
  void otherDataIsRefused() throws Exception {
    FutureTask<byte[]> server = serve(2, LONG);
    FutureTask<byte[]> other = start(() -> exchange(rank(1, 2), new byte[] {1, 2}, LONG));
    refuses(other, server, "was started with other data, another configuration or another version");
  }

  @Test
  void whoWasRefusedIsNamedIfARankIsMissing() {
    CommunicatorException e =
        timedOut(
            2,
            () -> start(() -> exchange(rank(1, 2), new byte[] {1, 2}, LONG)),
            early -> !early.getMessage().contains("other data"));
    assertTrue(e.getMessage().startsWith("rank 1 of 2 did not come"), e::toString);
    assertTrue(e.getMessage().contains("; 1 other was refused: rank 1 ("), e::toString);
    failure(tasks.getLast(), "other data");
  }

  @Test
  void anotherVersionOfTheProtocolIsRefused() throws Exception {
    FutureTask<byte[]> server = serve(2, LONG);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      ByteBuffer hello =
          RendezvousMessage.opening(RendezvousMessage.nonce()).putInt(Long.BYTES, 99);
      socket.getOutputStream().write(hello.array());
      awaitLog("speaks version 99 of the rendezvous, rank 0 version 2");
      byte[] answer = socket.getInputStream().readNBytes(RendezvousMessage.OPENING_BYTES);
      assertEquals(2, RendezvousMessage.readOpening(answer).version());
    }
    assertArrayEquals(PAYLOAD, join(1, 2).get());
    assertArrayEquals(PAYLOAD, server.get());
  }

  @Test
  void rankZeroOfAnotherVersionIsRefused() throws Exception {
    FutureTask<byte[]> rank = join(1, 2);
    try (Socket socket = listener.accept().socket()) {
      ByteBuffer challenge =
          RendezvousMessage.opening(RendezvousMessage.nonce()).putInt(Long.BYTES, 99);
      socket.getOutputStream().write(challenge.array());
      failure(rank, "speaks version 99 of the rendezvous, this rank version 2");
    }
  }

  @Test
  void anotherSecretIsRefused() throws Exception {
    FutureTask<byte[]> server = serve(2, LONG);
    for (JobSecret wrong : List.of(secret("a secret of others"), NO_SECRET)) {
      FutureTask<byte[]> stranger = join(1, 2, wrong);
      failure(stranger, "does not know the secret of this rank", JobSecret.VARIABLE);
    }
    awaitLog("does not know the secret of this job (" + JobSecret.VARIABLE + ")");
    assertEquals(2, log.size(), log::toString);
    assertArrayEquals(PAYLOAD, join(1, 2).get());
    assertArrayEquals(PAYLOAD, server.get());
  }

  @Test
  void withoutASecretAllRanksStillFindEachOther() throws Exception {
    FutureTask<byte[]> server = serve(2, NO_SECRET, LONG);
    failure(join(1, 2, SECRET), "does not know the secret of this rank");
    awaitLog("than rank 0, which has none");
    assertArrayEquals(PAYLOAD, join(1, 2, NO_SECRET).get());
    assertArrayEquals(PAYLOAD, server.get());
  }

  /** What a rank has sent in one rendezvous is worth nothing in another. */
  @Test
  void aReplayedGreetingIsRefused() throws Exception {
    ByteBuffer recorded;
    FutureTask<byte[]> first = serve(2, LONG);
    try (Guest guest = new Guest(SECRET)) {
      recorded = guest.session().greeting(1, 2, DIGEST);
      guest.send(recorded);
      assertArrayEquals(PAYLOAD, guest.payload());
    }
    assertArrayEquals(PAYLOAD, first.get());
    FutureTask<byte[]> second = serve(2, LONG);
    try (Guest guest = new Guest(SECRET)) {
      guest.send(recorded);
      assertTrue(guest.refusal().contains("does not know the secret"), guest.refusal());
    }
    assertArrayEquals(PAYLOAD, join(1, 2).get());
    assertArrayEquals(PAYLOAD, second.get());
  }

  /** A program that listens in rank 0's place and sends what rank 0 once sent. */
  @Test
  void aForgedRankZeroIsRefused() throws Exception {
    byte[] answer =
        new RendezvousMessage.Session(SECRET, new byte[32], new byte[32])
            .answer(RendezvousMessage.ACCEPTED, PAYLOAD)
            .array();
    FutureTask<byte[]> rank = join(1, 2);
    try (Socket socket = listener.accept().socket()) {
      socket.getOutputStream().write(RendezvousMessage.opening(new byte[32]).array());
      socket.getOutputStream().write(answer);
      failure(rank, "does not know the secret of this rank");
    }
  }

  /** More silent connections than are kept: the first ones go, and a rank comes through. */
  @Test
  void silentGuestsAreBounded() throws Exception {
    FutureTask<byte[]> server = serve(2, LONG);
    List<Socket> silent = new ArrayList<>();
    try {
      for (int i = 0; i < 3 * RendezvousServer.MOST_GUESTS; i++) {
        silent.add(new Socket(InetAddress.getLoopbackAddress(), port));
      }
      assertArrayEquals(PAYLOAD, join(1, 2).get());
      assertArrayEquals(PAYLOAD, server.get());
      awaitLog("did not introduce itself before too many others came");
      awaitLog("they are not named any more");
      assertEquals(-1, readOrReset(silent.getFirst()));
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
  }

  @Test
  void strangersKeepNobodyUp() throws Exception {
    try (Socket silent = new Socket(InetAddress.getLoopbackAddress(), port);
        Socket http = new Socket(InetAddress.getLoopbackAddress(), port);
        Socket half = new Socket(InetAddress.getLoopbackAddress(), port);
        Socket large = new Socket(InetAddress.getLoopbackAddress(), port)) {
      http.getOutputStream()
          .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      half.getOutputStream().write(RendezvousMessage.opening(new byte[32]).array(), 0, 11);
      large.getOutputStream().write(RendezvousMessage.opening(new byte[32]).array());
      large.getOutputStream().write(ByteBuffer.allocate(12).putInt(8, 1 << 30).array());
      Socket gone = new Socket(InetAddress.getLoopbackAddress(), port);
      gone.setSoLinger(true, 0); // a reset
      gone.close();
      FutureTask<byte[]> server = serve(2, LONG);
      // who is rejected gets the end of the connection
      assertEquals(-1, readOrReset(http));
      large.getInputStream().skipNBytes(RendezvousMessage.OPENING_BYTES);
      large.getInputStream().readAllBytes();
      assertArrayEquals(PAYLOAD, join(1, 2).get());
      assertArrayEquals(PAYLOAD, server.get());
      assertTrue(silent.isConnected() && half.isConnected(), "kept until the end");
    }
  }

  @Test
  void strangersAreCounted() throws Exception {
    List<Socket> strangers = new ArrayList<>();
    try {
      CommunicatorException e =
          timedOut(
              2,
              () -> strangers.add(stranger()),
              early -> !early.getMessage().contains("is no rank of Cocoli's"));
      assertTrue(e.getMessage().startsWith("rank 1 of 2 did not come"), e::toString);
      assertTrue(e.getMessage().contains("; 1 other was refused: /127.0.0.1:"), e::toString);
    } finally {
      for (Socket socket : strangers) {
        socket.close();
      }
    }
  }

  private Socket stranger() {
    try {
      Socket http = new Socket(InetAddress.getLoopbackAddress(), port);
      http.getOutputStream().write('G');
      return http;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean succeeded(FutureTask<byte[]> task) throws InterruptedException {
    try {
      task.get();
      return true;
    } catch (ExecutionException _) {
      return false;
    }
  }

  /** Refuses one, and connects the others nevertheless. */
  private void refuses(FutureTask<byte[]> guest, FutureTask<byte[]> server, String... words)
      throws Exception {
    CommunicatorException e = failure(guest, words);
    awaitLog("the rendezvous goes on without " + e.getMessage());
    assertArrayEquals(PAYLOAD, join(1, 2).get());
    assertArrayEquals(PAYLOAD, server.get());
  }

  private static int readOrReset(Socket socket) {
    try {
      return socket.getInputStream().read();
    } catch (IOException _) {
      return -1;
    }
  }
}
