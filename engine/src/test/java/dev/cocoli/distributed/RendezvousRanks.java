package dev.cocoli.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.testing.Timeouts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
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
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** Ranks as threads of one process, on a port chosen by the system. */
abstract class RendezvousRanks {
  /** A timeout that no test reaches. */
  static final Duration LONG = Duration.ofMinutes(5);

  static final byte[] DIGEST = {1, 2, 3};
  static final byte[] PAYLOAD = new byte[128];

  static {
    new Random(1).nextBytes(PAYLOAD);
  }

  static final JobSecret SECRET = secret("the secret of these tests");
  static final JobSecret NO_SECRET = JobSecret.of(Map.of());

  final List<String> log = Collections.synchronizedList(new ArrayList<>());
  final List<FutureTask<byte[]>> tasks = new ArrayList<>();
  ServerSocketChannel listener;
  int port;
  long socketsBefore;

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
    open();
  }

  private void open() throws IOException {
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
  static long sockets() throws IOException {
    Path folder = Path.of("/proc/self/fd");
    if (!Files.isDirectory(folder)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(RendezvousTest::isSocket).count();
    }
  }

  static boolean isSocket(Path file) {
    try {
      return Files.readSymbolicLink(file).toString().startsWith("socket:");
    } catch (IOException _) {
      return false; // closed meanwhile
    }
  }

  RankEnvironment rank(int rank, int size) {
    return new RankEnvironment(rank, size, 0, "127.0.0.1", port);
  }

  FutureTask<byte[]> start(Callable<byte[]> body) {
    FutureTask<byte[]> task = new FutureTask<>(body);
    tasks.add(task);
    Thread.ofPlatform().daemon().start(task);
    return task;
  }

  static JobSecret secret(String text) {
    return JobSecret.of(Map.of(JobSecret.VARIABLE, text));
  }

  FutureTask<byte[]> serve(int size, Duration timeout) {
    return serve(size, SECRET, timeout);
  }

  FutureTask<byte[]> serve(int size, JobSecret secret, Duration timeout) {
    return start(
        () ->
            Rendezvous.serve(
                listener, rank(0, size), secret, DIGEST, PAYLOAD::clone, timeout, log::add));
  }

  byte[] exchange(RankEnvironment ranks, byte[] digest, Duration timeout) {
    return Rendezvous.exchange(ranks, SECRET, digest, PAYLOAD::clone, timeout, log::add);
  }

  FutureTask<byte[]> join(int rank, int size, JobSecret secret) {
    return start(
        () ->
            Rendezvous.exchange(rank(rank, size), secret, DIGEST, PAYLOAD::clone, LONG, log::add));
  }

  FutureTask<byte[]> join(int rank, int size) {
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

  static CommunicatorException failure(FutureTask<byte[]> task, String... parts) {
    Throwable thrown = assertThrows(ExecutionException.class, task::get).getCause();
    CommunicatorException e = assertInstanceOf(CommunicatorException.class, thrown);
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> "\"" + part + "\" is not in: " + e);
    }
    return e;
  }

  /**
   * Runs a rendezvous whose timeout runs out, and returns what rank 0 throws then.
   *
   * @param size the number of ranks
   * @param guests comes to rank 0 meanwhile
   * @param isEarly whether rank 0 gave up before the guests had come
   */
  CommunicatorException timedOut(
      int size, Runnable guests, Predicate<CommunicatorException> isEarly) {
    return Timeouts.longEnough(
        timeout -> {
          try { // not that a guest of the try before comes to this one
            listener.close();
            open();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          FutureTask<byte[]> server = serve(size, timeout);
          guests.run();
          return failure(server, " within " + Rendezvous.seconds(timeout));
        },
        isEarly);
  }

  /** Waits for a line. */
  void awaitLog(String part) throws InterruptedException {
    long end = System.nanoTime() + LONG.toNanos();
    while (log.stream().noneMatch(line -> line.contains(part))) {
      assertTrue(System.nanoTime() < end, () -> part + " is not in " + log);
      Thread.sleep(5);
    }
  }

  /** The end of a connection to rank 0, after hello and challenge. */
  final class Guest implements AutoCloseable {
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
}
