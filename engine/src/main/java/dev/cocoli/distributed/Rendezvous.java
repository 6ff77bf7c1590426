package dev.cocoli.distributed;

import static dev.cocoli.distributed.RendezvousMessage.ANSWER_HEADER_BYTES;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Connects the processes of a job once, when they start: rank 0 listens, every other rank connects,
 * and when all have come, rank 0 sends each the same few bytes, which say how to set up the
 * permanent connection. If a rank does not come, comes twice or was started with other data or
 * settings, all ranks get an exception that says so. No connection stays open.
 */
public final class Rendezvous {
  /** The pause between two attempts to connect, because rank 0 may be the last to start. */
  private static final long RETRY_MILLIS = 100;

  /** The longest time of one attempt, because a host that is down may not answer at all. */
  private static final long CONNECT_MILLIS = 5_000;

  /** The time that others wait longer than rank 0, because its message says more than theirs. */
  private static final Duration GRACE = Duration.ofSeconds(10);

  private Rendezvous() {}

  /**
   * Sends the bytes of rank 0 to all processes.
   *
   * @param ranks the rank of this process, and where rank 0 listens
   * @param runDigest a digest of all that must be equal on all ranks, such as data, configuration
   *     and version; at most 2,048 bytes
   * @param payload makes the bytes that rank 0 sends, at most 1 MiB; called on rank 0 only
   * @param timeout how long rank 0 waits for the others, and they for it
   * @return the bytes that rank 0's payload made
   * @throws CommunicatorException on every rank that has come, if a rank is missing, comes twice or
   *     differs, or if rank 0 cannot be reached
   */
  public static byte[] exchange(
      RankEnvironment ranks, byte[] runDigest, Supplier<byte[]> payload, Duration timeout) {
    if (ranks.rank() != 0) {
      return join(ranks, runDigest, timeout);
    }
    try (ServerSocketChannel listener = ServerSocketChannel.open()) {
      try {
        listener.bind(new InetSocketAddress(ranks.masterPort()), ranks.size());
      } catch (BindException e) {
        throw new CommunicatorException(
            "rank 0 cannot listen on port "
                + ranks.masterPort()
                + ", which is taken ("
                + e.getMessage()
                + "): set MASTER_PORT to a free one for all ranks",
            List.of(0),
            e);
      }
      return serve(listener, ranks, runDigest, payload, timeout);
    } catch (IOException e) {
      throw new CommunicatorException("rank 0 cannot listen: " + e, List.of(0), e);
    }
  }

  /** Runs rank 0's part on a channel that listens already. */
  static byte[] serve(
      ServerSocketChannel listener,
      RankEnvironment ranks,
      byte[] runDigest,
      Supplier<byte[]> payload,
      Duration timeout)
      throws IOException {
    byte[] bytes = payload.get();
    try (RendezvousServer server = new RendezvousServer(listener, ranks, runDigest)) {
      server.serve(bytes, timeout);
    }
    return bytes;
  }

  private static byte[] join(RankEnvironment ranks, byte[] runDigest, Duration timeout) {
    long start = System.nanoTime();
    try (Socket socket = connect(ranks, start, timeout)) {
      socket
          .getOutputStream()
          .write(RendezvousMessage.greeting(ranks.rank(), ranks.size(), runDigest).array());
      RendezvousMessage.Answer answer =
          read(socket, ranks, start + timeout.plus(GRACE).toNanos(), timeout);
      return answer
          .payload()
          .orElseThrow(() -> new CommunicatorException(answer.refusal(), List.of(), null));
    } catch (IOException e) {
      throw new CommunicatorException(
          place(ranks)
              + " ended the connection without an answer ("
              + e
              + "): it has died, or another program listens there",
          List.of(0),
          e);
    }
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
            "rank "
                + ranks.rank()
                + " found no way to "
                + place(ranks)
                + " within "
                + seconds(timeout)
                + " ("
                + failure
                + "): is rank 0 running, are MASTER_ADDR and MASTER_PORT the same for all ranks,"
                + " may this host connect there?",
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

  private static RendezvousMessage.Answer read(
      Socket socket, RankEnvironment ranks, long end, Duration timeout) throws IOException {
    try {
      byte[] header = read(socket, ANSWER_HEADER_BYTES, end);
      int byteSize = RendezvousMessage.answerByteSize(header);
      if (byteSize < 0) {
        throw new CommunicatorException(
            "another program than rank 0 listens at "
                + ranks.masterAddress()
                + ":"
                + ranks.masterPort()
                + ": set MASTER_PORT to a free one for all ranks",
            List.of(0),
            null);
      }
      return RendezvousMessage.readAnswer(header, read(socket, byteSize, end));
    } catch (SocketTimeoutException e) {
      throw new CommunicatorException(
          place(ranks)
              + " was reached, but has not answered within "
              + seconds(timeout.plus(GRACE))
              + ": it waits for other ranks, or another program listens there",
          List.of(0),
          e);
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
