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
import java.util.Collections;
import java.util.List;
import java.util.Map;
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

  private static final JobSecret SECRET = secret("the secret of these tests");
  private static final JobSecret NO_SECRET = JobSecret.of(Map.of());

  private final List<String> log = Collections.synchronizedList(new ArrayList<>());
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

  private static JobSecret secret(String text) {
    return JobSecret.of(Map.of(JobSecret.VARIABLE, text));
  }

  private FutureTask<byte[]> serve(int size, Duration timeout) {
    return serve(size, SECRET, timeout);
  }

  private FutureTask<byte[]> serve(int size, JobSecret secret, Duration timeout) {
    return start(
        () ->
            Rendezvous.serve(
                listener, rank(0, size), secret, DIGEST, PAYLOAD::clone, timeout, log::add));
  }

  private byte[] exchange(RankEnvironment ranks, byte[] digest, Duration timeout) {
    return Rendezvous.exchange(ranks, SECRET, digest, PAYLOAD::clone, timeout, log::add);
  }

  private FutureTask<byte[]> join(int rank, int size, JobSecret secret) {
    return start(
        () ->
            Rendezvous.exchange(rank(rank, size), secret, DIGEST, PAYLOAD::clone, LONG, log::add));
  }

  private FutureTask<byte[]> join(int rank, int size) {
    return start(
        () ->
            Rendezvous.exchange(
                rank(rank, size),
                SECRET,
                DIGEST,
                () -> {
                  throw new AssertionError("the payload is rank 0's");
                },
                LONG,
                log::add));
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
    FutureTask<byte[]> late = start(() -> exchange(rank(0, 2), DIGEST, LONG));
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

  private static boolean succeeded(FutureTask<byte[]> task) throws InterruptedException {
    try {
      task.get();
      return true;
    } catch (ExecutionException _) {
      return false;
    }
  }

  /** Waits for a line. */
  private void awaitLog(String part) throws InterruptedException {
    long end = System.nanoTime() + LONG.toNanos();
    while (log.stream().noneMatch(line -> line.contains(part))) {
      assertTrue(System.nanoTime() < end, () -> part + " is not in " + log);
      Thread.sleep(5);
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
    FutureTask<byte[]> server = serve(2, SHORT);
    failure(start(() -> exchange(rank(1, 2), new byte[] {1, 2}, LONG)), "other data");
    failure(server, "rank 1 of 2 did not come", "; 1 other was refused: rank 1 (", "other data");
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
    listener.close();
    try (ServerSocket other = new ServerSocket(port)) {
      FutureTask<byte[]> rank = join(1, 2);
      try (Socket socket = other.accept()) {
        ByteBuffer challenge =
            RendezvousMessage.opening(RendezvousMessage.nonce()).putInt(Long.BYTES, 99);
        socket.getOutputStream().write(challenge.array());
        failure(rank, "speaks version 99 of the rendezvous, this rank version 2");
      }
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
    listener.close();
    try (ServerSocket other = new ServerSocket(port)) {
      FutureTask<byte[]> rank = join(1, 2);
      try (Socket socket = other.accept()) {
        socket.getOutputStream().write(RendezvousMessage.opening(new byte[32]).array());
        socket.getOutputStream().write(answer);
        failure(rank, "does not know the secret of this rank");
      }
    }
  }

  /** The end of a connection to rank 0, after hello and challenge. */
  private final class Guest implements AutoCloseable {
    private final Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    private final RendezvousMessage.Session session;
    private byte[] answer;

    Guest(JobSecret secret) throws IOException {
      byte[] nonce = RendezvousMessage.nonce();
      send(RendezvousMessage.opening(nonce));
      byte[] challenge = socket.getInputStream().readNBytes(RendezvousMessage.OPENING_BYTES);
      session =
          new RendezvousMessage.Session(
              secret, nonce, RendezvousMessage.readOpening(challenge).nonce());
    }

    RendezvousMessage.Session session() {
      return session;
    }

    void send(ByteBuffer message) throws IOException {
      socket.getOutputStream().write(message.array());
    }

    private byte[] answer() throws IOException {
      if (answer == null) {
        answer = socket.getInputStream().readAllBytes();
      }
      assertTrue(session.isOfRankZero(answer), "rank 0 proves itself");
      return answer;
    }

    String refusal() throws IOException {
      assertTrue(!RendezvousMessage.isAcceptance(answer()), "accepted");
      return new String(RendezvousMessage.contentOf(answer()), StandardCharsets.UTF_8);
    }

    byte[] payload() throws IOException {
      assertTrue(RendezvousMessage.isAcceptance(answer()), "refused");
      return RendezvousMessage.contentOf(answer());
    }

    @Override
    public void close() throws IOException {
      socket.close();
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
      failure(
          server,
          "rank 1 of 2 did not come",
          "; 1 other was refused: /127.0.0.1:",
          "is no rank of Cocoli's");
    }
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
  void whoLeavesBeforeAllHaveComeIsNamed() throws Exception {
    FutureTask<byte[]> server = serve(3, SHORT);
    try (Guest guest = new Guest(SECRET)) {
      guest.send(guest.session().greeting(2, 3, DIGEST));
      Thread.sleep(100);
    }
    CommunicatorException e =
        failure(server, "rank 2 (/127.0.0.1:", ") left before all ranks had come");
    assertEquals(List.of(1, 2), e.failedRanks());
  }

  @Test
  void whoLeftMayComeAgain() throws Exception {
    FutureTask<byte[]> server = serve(3, LONG);
    try (Guest guest = new Guest(SECRET)) {
      guest.send(guest.session().greeting(2, 3, DIGEST));
      Thread.sleep(100);
    }
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
