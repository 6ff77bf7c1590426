package dev.cocoli.distributed;

import dev.cocoli.distributed.RendezvousMessage.Opening;
import dev.cocoli.distributed.RendezvousMessage.Session;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Connects the processes of a job once, when they start: rank 0 listens, every other rank connects,
 * and when all have come, rank 0 sends each the same few bytes, which say how to set up the
 * permanent connection. Who comes twice, was started with other data or settings, or does not know
 * the job's secret is refused and named, and the others are waited for. If a rank does not come in
 * time, all ranks get an exception that says so. No connection stays open.
 *
 * <p>Both ends prove in every connection that they know the {@link JobSecret}. A job without one
 * trusts its network: anybody who reaches the port can take the place of a rank.
 */
public final class Rendezvous {
  /** The pause between two attempts to connect, because rank 0 may be the last to start. */
  private static final long RETRY_MILLIS = 100;

  /** The longest time of one attempt, because a host that is down may not answer at all. */
  private static final long CONNECT_MILLIS = 5_000;

  /** The time that others wait longer than rank 0, because its message says more than theirs. */
  private static final Duration GRACE = Duration.ofSeconds(10);

  /** The connections that the system keeps until they are taken; strangers may fill a short row. */
  private static final int BACKLOG = 1024;

  private Rendezvous() {}

  /**
   * Sends the bytes of rank 0 to all processes.
   *
   * @param ranks the rank of this process, and where rank 0 listens
   * @param runDigest a digest of all that must be equal on all ranks, such as data, configuration
   *     and version; at most 2,048 bytes
   * @param payload makes the bytes that rank 0 sends, at most 1 MiB; called on rank 0 only
   * @param timeout how long rank 0 waits for the others, and they for it
   * @param log receives a line, on rank 0, about each that is refused
   * @return the bytes that rank 0's payload made
   * @throws CommunicatorException on every rank that has come, if a rank does not come in time; on
   *     a rank that is refused; or if rank 0 cannot be reached
   * @throws IllegalArgumentException if the job's secret is too short
   */
  public static byte[] exchange(
      RankEnvironment ranks,
      byte[] runDigest,
      Supplier<byte[]> payload,
      Duration timeout,
      Consumer<String> log) {
    return exchange(ranks, JobSecret.of(System.getenv()), runDigest, payload, timeout, log);
  }

  static byte[] exchange(
      RankEnvironment ranks,
      JobSecret secret,
      byte[] runDigest,
      Supplier<byte[]> payload,
      Duration timeout,
      Consumer<String> log) {
    if (ranks.rank() != 0) {
      return join(ranks, secret, runDigest, timeout);
    }
    try (ServerSocketChannel listener = ServerSocketChannel.open()) {
      InetSocketAddress address = listeningAddress(ranks, log);
      if (!secret.isKept() && !address.getAddress().isLoopbackAddress()) {
        log.accept(
            ("the job has no secret, so whoever reaches port %s can take the place of a rank;"
                    + " %s gives it one (docs/multi-gpu.md)")
                .formatted(ranks.masterPort(), JobSecret.VARIABLE));
      }
      try {
        listener.bind(address, BACKLOG);
      } catch (BindException e) {
        throw new CommunicatorException(
            ("rank 0 cannot listen on port %s, which is taken (%s): set MASTER_PORT to a free"
                    + " one for all ranks")
                .formatted(ranks.masterPort(), e.getMessage()),
            List.of(0),
            e);
      }
      return serve(listener, ranks, secret, runDigest, payload, timeout, log);
    } catch (IOException e) {
      throw new CommunicatorException("rank 0 cannot listen: " + e, List.of(0), e);
    }
  }

  /**
   * The master's address, if it is one of this machine that others can reach. Many hosts resolve
   * their own name to a loopback address, and an address before a router is none of the machine.
   */
  static InetSocketAddress listeningAddress(RankEnvironment ranks, Consumer<String> log)
      throws IOException {
    String name = ranks.masterAddress();
    InetAddress address = InetAddress.getByName(name);
    boolean saysLoopback =
        name.equalsIgnoreCase("localhost") || name.startsWith("127.") || name.contains(":");
    boolean isOwn =
        address.isLoopbackAddress()
            ? saysLoopback
            : NetworkInterface.getByInetAddress(address) != null;
    if (isOwn) {
      return new InetSocketAddress(address, ranks.masterPort());
    }
    log.accept(
        "rank 0 listens on all its addresses: %s is %s%s"
            .formatted(
                name,
                address.getHostAddress(),
                address.isLoopbackAddress() ? " here" : ", which is none of this machine"));
    return new InetSocketAddress(ranks.masterPort());
  }

  /** Runs rank 0's part on a channel that listens already. */
  static byte[] serve(
      ServerSocketChannel listener,
      RankEnvironment ranks,
      JobSecret secret,
      byte[] runDigest,
      Supplier<byte[]> payload,
      Duration timeout,
      Consumer<String> log)
      throws IOException {
    byte[] bytes = payload.get();
    try (RendezvousServer server = new RendezvousServer(listener, ranks, runDigest, secret, log)) {
      server.serve(bytes, timeout);
    }
    return bytes;
  }

  private static byte[] join(
      RankEnvironment ranks, JobSecret secret, byte[] runDigest, Duration timeout) {
    long start = System.nanoTime();
    long end = start + timeout.plus(GRACE).toNanos();
    try (Socket socket = connect(ranks, start, timeout)) {
      Session session = open(socket, ranks, secret, end);
      socket
          .getOutputStream()
          .write(session.greeting(ranks.rank(), ranks.size(), runDigest).array());
      byte[] header = read(socket, RendezvousMessage.ANSWER_HEADER_BYTES, end);
      int byteSize = RendezvousMessage.answerByteSize(header);
      if (byteSize < 0) {
        throw another(ranks);
      }
      byte[] answer = Arrays.copyOf(header, byteSize);
      byte[] rest = read(socket, byteSize - header.length, end);
      System.arraycopy(rest, 0, answer, header.length, rest.length);
      if (!session.isOfRankZero(answer)) {
        throw new CommunicatorException(
            ("%s does not know the secret of this rank (%s): it is not of this job, or %s is"
                    + " not the same for all ranks")
                .formatted(place(ranks), secret, JobSecret.VARIABLE),
            List.of(0),
            null);
      }
      byte[] content = RendezvousMessage.contentOf(answer);
      if (!RendezvousMessage.isAcceptance(answer)) {
        throw new CommunicatorException(
            new String(content, StandardCharsets.UTF_8), List.of(), null);
      }
      return content;
    } catch (SocketTimeoutException e) {
      throw new CommunicatorException(
          ("%s was reached, but has not answered within %s: it waits for other ranks, or"
                  + " another program listens there")
              .formatted(place(ranks), seconds(timeout.plus(GRACE))),
          List.of(0),
          e);
    } catch (IOException e) {
      throw new CommunicatorException(
          ("%s ended the connection without an answer (%s): it has died, or another program"
                  + " listens there")
              .formatted(place(ranks), e),
          List.of(0),
          e);
    }
  }

  private static Session open(Socket socket, RankEnvironment ranks, JobSecret secret, long end)
      throws IOException {
    byte[] nonce = RendezvousMessage.nonce();
    socket.getOutputStream().write(RendezvousMessage.opening(nonce).array());
    byte[] start = read(socket, Long.BYTES, end);
    if (!RendezvousMessage.canBeOpening(start, start.length)) {
      throw another(ranks);
    }
    byte[] challenge = Arrays.copyOf(start, RendezvousMessage.OPENING_BYTES);
    byte[] rest = read(socket, challenge.length - start.length, end);
    System.arraycopy(rest, 0, challenge, start.length, rest.length);
    Opening opening = RendezvousMessage.readOpening(challenge);
    if (opening.version() != RendezvousMessage.VERSION) {
      throw new CommunicatorException(
          ("%s speaks version %s of the rendezvous, this rank version %s: use the same"
                  + " version of Cocoli for all ranks")
              .formatted(place(ranks), opening.version(), RendezvousMessage.VERSION),
          List.of(0),
          null);
    }
    return new Session(secret, nonce, opening.nonce());
  }

  private static CommunicatorException another(RankEnvironment ranks) {
    return new CommunicatorException(
        ("another program than rank 0 listens at %s:%s: set MASTER_PORT to a free one for all"
                + " ranks")
            .formatted(ranks.masterAddress(), ranks.masterPort()),
        List.of(0),
        null);
  }

  private static Socket connect(RankEnvironment ranks, long start, Duration timeout) {
    while (true) {
      long left = timeout.toMillis() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
      Socket socket = new Socket();
      IOException failure;
      try {
        // resolved at every attempt: the name of a host that has just started may not be known yet
        socket.connect(
            new InetSocketAddress(ranks.masterAddress(), ranks.masterPort()),
            (int) Math.clamp(left, 1, CONNECT_MILLIS));
        if (!socket.getLocalSocketAddress().equals(socket.getRemoteSocketAddress())) {
          return socket;
        }
        // nobody listens, but the system chose the same port for this end of the connection
        failure = new IOException("connected to itself");
      } catch (IOException e) {
        failure = e;
      }
      closeQuietly(socket);
      if (left <= RETRY_MILLIS) {
        throw new CommunicatorException(
            ("rank %s found no way to %s within %s (%s): is rank 0 running, are MASTER_ADDR"
                    + " and MASTER_PORT the same for all ranks, may this host connect there?")
                .formatted(ranks.rank(), place(ranks), seconds(timeout), failure),
            List.of(0),
            failure);
      }
      try {
        Thread.sleep(RETRY_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CommunicatorException(
            "rank " + ranks.rank() + " was interrupted", List.of(ranks.rank()), e);
      }
    }
  }

  /** Reads until a point in time, however slowly the bytes arrive. */
  private static byte[] read(Socket socket, int byteSize, long end) throws IOException {
    byte[] bytes = new byte[byteSize];
    InputStream in = socket.getInputStream();
    for (int at = 0; at < byteSize; ) {
      long millis = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (millis <= 0) {
        throw new SocketTimeoutException("too late");
      }
      socket.setSoTimeout((int) Math.min(millis, Integer.MAX_VALUE));
      int count = in.read(bytes, at, byteSize - at);
      if (count < 0) {
        throw new EOFException("end of stream");
      }
      at += count;
    }
    return bytes;
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException _) {
      // nothing is lost: the connection is of no more use
    }
  }

  private static String place(RankEnvironment ranks) {
    return "rank 0 at " + ranks.masterAddress() + ":" + ranks.masterPort();
  }

  static String seconds(Duration duration) {
    return duration.toMillis() / 1000.0 + " s";
  }
}
