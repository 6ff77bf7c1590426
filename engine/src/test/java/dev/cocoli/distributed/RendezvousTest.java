package dev.cocoli.distributed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ranks as threads of one process, on a port chosen by the system. */
class RendezvousTest {
  /** A timeout that no test reaches. */
  private static final Duration LONG = Duration.ofSeconds(60);

  /** A timeout that tests reach; long enough for the other ranks to come before. */
  private static final Duration SHORT = Duration.ofSeconds(2);

  private static final byte[] DIGEST = {1, 2, 3};
  private static final byte[] PAYLOAD = new byte[128];

  static {
    new Random(1).nextBytes(PAYLOAD);
  }

  private final List<FutureTask<byte[]>> tasks = new ArrayList<>();
  private ServerSocketChannel listener;
  private int port;
  private long socketsBefore;

  /**
   * The JDK opens a socket of its own when the first socket is closed while in use, and keeps it.
   */
  @BeforeAll
  static void closeOneInUse() throws IOException {
    try (ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(0));
        Socket socket =
            new Socket(InetAddress.getLoopbackAddress(), listener.socket().getLocalPort())) {
      listener.accept().close();
      socket.getOutputStream().write(1);
    }
  }

  @BeforeEach
  void listen() throws IOException {
    socketsBefore = sockets();
    listener = ServerSocketChannel.open().bind(new InetSocketAddress(0));
    port = ((InetSocketAddress) listener.getLocalAddress()).getPort();
  }

  @AfterEach
  void nothingStaysOpen() throws Exception {
    listener.close();
    for (FutureTask<byte[]> task : tasks) {
      try {
        task.get();
      } catch (ExecutionException _) {
        // the test checks them
      }
    }
    assertEquals(socketsBefore, sockets(), "sockets of this process");
  }

  /** The number of the process's sockets; a constant on systems that do not list them. */
  private static long sockets() throws IOException {
    Path folder = Path.of("/proc/self/fd");
    if (!Files.isDirectory(folder)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(RendezvousTest::isSocket).count();
    }
  }

  private static boolean isSocket(Path file) {
    try {
      return Files.readSymbolicLink(file).toString().startsWith("socket:");
    } catch (IOException _) {
      return false; // closed meanwhile
    }
  }

  private RankEnvironment rank(int rank, int size) {
    return new RankEnvironment(rank, size, 0, "127.0.0.1", port);
  }

  private FutureTask<byte[]> start(Callable<byte[]> body) {
    FutureTask<byte[]> task = new FutureTask<>(body);
    tasks.add(task);
    Thread.ofPlatform().daemon().start(task);
    return task;
  }

  private FutureTask<byte[]> serve(int size, Duration timeout) {
    return start(() -> Rendezvous.serve(listener, rank(0, size), DIGEST, PAYLOAD::clone, timeout));
  }

  private FutureTask<byte[]> join(int rank, int size) {
    return start(
        () ->
            Rendezvous.exchange(
                rank(rank, size),
                DIGEST,
                () -> {
                  throw new AssertionError("the payload is rank 0's");
                },
                LONG));
  }

  private static CommunicatorException failure(FutureTask<byte[]> task, String... parts) {
    Throwable thrown = assertThrows(ExecutionException.class, task::get).getCause();
    CommunicatorException e = assertInstanceOf(CommunicatorException.class, thrown);
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> "\"" + part + "\" is not in: " + e);
    }
    return e;
  }

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
    Thread.sleep(300);
    assertTrue(!early.isDone(), "gave up at once");
    FutureTask<byte[]> late =
        start(() -> Rendezvous.exchange(rank(0, 2), DIGEST, PAYLOAD::clone, LONG));
    assertArrayEquals(PAYLOAD, early.get());
    assertArrayEquals(PAYLOAD, late.get());
  }

  @Test
  void whoNeverComesIsNamed() {
    FutureTask<byte[]> other = join(2, 4);
    FutureTask<byte[]> server = serve(4, SHORT);
    String message = "rank 1, rank 3 of 4 did not come to rank 0 at port " + port + " within 2.0 s";
    assertEquals(List.of(1, 3), failure(server, message).failedRanks());
    failure(other, message);
  }

  @Test
  void whoComesTwiceIsNamed() {
    FutureTask<byte[]> one = join(1, 3);
    FutureTask<byte[]> other = join(1, 3);
    CommunicatorException e = failure(serve(3, LONG), "rank 1 came twice: /127.0.0.1:");
    assertEquals(List.of(1), e.failedRanks());
    failure(one, "rank 1 came twice");
    failure(other, "rank 1 came twice");
  }

  @Test
  void asManyRanksOnEachSide() {
    FutureTask<byte[]> other = join(1, 3);
    String message = "was started as one of 3 ranks, rank 0 of 2";
    failure(serve(2, LONG), "rank 1 (/127.0.0.1:", message);
    failure(other, message);
  }

  @Test
  void otherDataIsRefused() {
    FutureTask<byte[]> other =
        start(() -> Rendezvous.exchange(rank(1, 2), new byte[] {1, 2}, () -> PAYLOAD, LONG));
    String message = "was started with other data, another configuration or another version";
    assertEquals(List.of(1), failure(serve(2, LONG), message).failedRanks());
    failure(other, message);
  }

  @Test
  void anotherVersionOfTheProtocolIsRefused() throws IOException {
    ByteBuffer greeting = RendezvousMessage.greeting(1, 2, DIGEST).putInt(Long.BYTES, 99);
    FutureTask<byte[]> server;
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      server = serve(2, LONG);
      socket.getOutputStream().write(greeting.array());
      failure(server, "speaks version 99 of the rendezvous, rank 0 version 1");
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
      half.getOutputStream().write(RendezvousMessage.greeting(1, 2, DIGEST).array(), 0, 11);
      large
          .getOutputStream()
          .write(RendezvousMessage.greeting(1, 2, DIGEST).putInt(20, 1 << 30).array());
      Socket gone = new Socket(InetAddress.getLoopbackAddress(), port);
      gone.setSoLinger(true, 0); // a reset
      gone.close();
      FutureTask<byte[]> server = serve(2, LONG);
      // a rank that is rejected gets the end of the connection
      assertEquals(-1, readOrReset(http));
      assertEquals(-1, readOrReset(large));
      assertArrayEquals(PAYLOAD, join(1, 2).get());
      assertArrayEquals(PAYLOAD, server.get());
      assertTrue(silent.isConnected() && half.isConnected(), "kept until the end");
    }
  }

  private static int readOrReset(Socket socket) {
    try {
      return socket.getInputStream().read();
    } catch (IOException _) {
      return -1;
    }
  }

  @Test
  void strangersAreCounted() throws Exception {
    FutureTask<byte[]> server = serve(2, SHORT);
    try (Socket http = new Socket(InetAddress.getLoopbackAddress(), port)) {
      http.getOutputStream().write('G');
      failure(server, "rank 1 of 2 did not come", "; 1 others came who are no ranks");
    }
  }

  @Test
  void greetingsMayComeInPieces() throws Exception {
    FutureTask<byte[]> server = serve(2, LONG);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setTcpNoDelay(true);
      for (byte b : RendezvousMessage.greeting(1, 2, DIGEST).array()) {
        socket.getOutputStream().write(b);
      }
      byte[] header = socket.getInputStream().readNBytes(RendezvousMessage.ANSWER_HEADER_BYTES);
      assertEquals(PAYLOAD.length, RendezvousMessage.answerByteSize(header));
      assertArrayEquals(PAYLOAD, socket.getInputStream().readNBytes(PAYLOAD.length));
      assertArrayEquals(PAYLOAD, server.get());
    }
  }

  @Test
  void whoLeavesBeforeAllHaveComeIsNamed() throws IOException {
    FutureTask<byte[]> server = serve(3, LONG);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.getOutputStream().write(RendezvousMessage.greeting(2, 3, DIGEST).array());
    }
    assertEquals(
        List.of(2), failure(server, "rank 2 left before all ranks had come").failedRanks());
  }

  @Test
  void aPortThatIsTaken() {
    FutureTask<byte[]> server =
        start(() -> Rendezvous.exchange(rank(0, 2), DIGEST, PAYLOAD::clone, LONG));
    failure(server, "cannot listen on port " + port + ", which is taken", "MASTER_PORT");
  }

  @Test
  void nobodyListens() throws IOException {
    listener.close();
    FutureTask<byte[]> rank =
        start(
            () -> Rendezvous.exchange(rank(1, 2), DIGEST, PAYLOAD::clone, Duration.ofMillis(500)));
    CommunicatorException e =
        failure(rank, "rank 1 found no way to rank 0 at 127.0.0.1:" + port + " within 0.5 s");
    assertEquals(List.of(0), e.failedRanks());
  }

  @Test
  void aHostWithoutAddress() {
    RankEnvironment ranks = new RankEnvironment(1, 2, 0, "no-such-host.invalid", port);
    CommunicatorException e =
        assertThrows(
            CommunicatorException.class,
            () -> Rendezvous.exchange(ranks, DIGEST, PAYLOAD::clone, Duration.ofMillis(300)));
    assertTrue(e.getMessage().contains("no-such-host.invalid"), e::toString);
  }

  @Test
  void anotherProgramAnswers() throws Exception {
    listener.close();
    try (ServerSocket other = new ServerSocket(port)) {
      FutureTask<byte[]> rank = join(1, 2);
      try (Socket socket = other.accept()) {
        socket
            .getOutputStream()
            .write("220 mail.example ESMTP ready\r\n".getBytes(StandardCharsets.US_ASCII));
        failure(rank, "another program than rank 0 listens at 127.0.0.1:" + port);
      }
    }
  }

  @Test
  void rankZeroDiesBeforeItAnswers() throws Exception {
    listener.close();
    try (ServerSocket other = new ServerSocket(port)) {
      FutureTask<byte[]> rank = join(1, 2);
      other.accept().close();
      failure(rank, "rank 0 at 127.0.0.1:" + port + " ended the connection without an answer");
    }
  }

  @Test
  void aPayloadThatCannotBeMadeIsRankZerosFault() throws Exception {
    FutureTask<byte[]> server =
        start(
            () ->
                Rendezvous.serve(
                    listener,
                    rank(0, 2),
                    DIGEST,
                    () -> {
                      throw new UncheckedIOException(new IOException("no library"));
                    },
                    LONG));
    Throwable thrown = assertThrows(ExecutionException.class, server::get).getCause();
    assertInstanceOf(UncheckedIOException.class, thrown);
    assertNull(thrown.getCause().getCause());
  }
}
