package dev.cocoli.distributed;

import dev.cocoli.distributed.RendezvousMessage.Greeting;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Serves rank 0's end of a {@link Rendezvous}. One thread serves all connections without blocking
 * on any, so that a client that sends nothing does not delay the others. A client that is no rank
 * of the job is refused, and the wait goes on.
 */
final class RendezvousServer implements AutoCloseable {
  /** The time for which an answer may be written to a connection that has room for it. */
  private static final long ANSWER_NANOS = 1_000_000_000;

  /** The time in which a client must have introduced itself; a rank takes two round trips. */
  static final Duration GUEST_TIME = Duration.ofSeconds(10);

  /** The clients, beside as many as there are ranks, that may be introducing themselves at once. */
  static final int MOST_GUESTS = 64;

  /** The refusals that are named, in the log and in the error; more are counted. */
  private static final int NAMED_REFUSALS = 20;

  private static final int READ_BYTES = 1 << 12;

  /** A client that has connected, and what it sent. */
  private record Client(
      SocketChannel channel, SelectionKey key, String address, long end, RendezvousGuest guest) {}

  private final ServerSocketChannel listener;
  private final RankEnvironment ranks;
  private final byte[] runDigest;
  private final JobSecret secret;
  private final Consumer<String> log;
  private final Selector selector;
  private final ByteBuffer read = ByteBuffer.allocate(READ_BYTES);
  private final Client[] came;

  /** The clients that have not introduced themselves yet, the first that came first. */
  private final Deque<Client> waiting = new ArrayDeque<>();

  private final List<String> refusals = new ArrayList<>();
  private int missing;
  private int refused;

  RendezvousServer(
      ServerSocketChannel listener,
      RankEnvironment ranks,
      byte[] runDigest,
      JobSecret secret,
      Consumer<String> log)
      throws IOException {
    this.listener = listener;
    this.ranks = ranks;
    this.runDigest = runDigest;
    this.secret = secret;
    this.log = log;
    came = new Client[ranks.size()];
    missing = ranks.size() - 1;
    selector = Selector.open();
  }

  /** Waits for all ranks and sends them the payload, or the reason of a failure. */
  void serve(byte[] payload, Duration timeout) throws IOException {
    listener.configureBlocking(false);
    listener.register(selector, SelectionKey.OP_ACCEPT);
    try {
      waitForAll(System.nanoTime() + timeout.toNanos(), timeout);
    } catch (CommunicatorException e) {
      answer(RendezvousMessage.REFUSED, text(e.getMessage()));
      throw e;
    }
    answer(RendezvousMessage.ACCEPTED, payload);
  }

  private static byte[] text(String reason) {
    return reason.getBytes(StandardCharsets.UTF_8);
  }

  private void waitForAll(long end, Duration timeout) throws IOException {
    while (missing > 0) {
      long now = System.nanoTime();
      if (now >= end) {
        throw someAreMissing(timeout);
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new CommunicatorException("rank 0 was interrupted", List.of(0), null);
      }
      while (!waiting.isEmpty() && now >= waiting.getFirst().end()) {
        refuse(waiting.getFirst(), "did not introduce itself within " + seconds(GUEST_TIME));
      }
      long next = waiting.isEmpty() ? end : Math.min(end, waiting.getFirst().end());
      selector.select(1 + Math.max(0, next - now) / 1_000_000);
      for (Iterator<SelectionKey> keys = selector.selectedKeys().iterator(); keys.hasNext(); ) {
        SelectionKey key = keys.next();
        keys.remove();
        if (!key.isValid()) {
          continue; // of a client that was refused meanwhile
        }
        if (key.isAcceptable()) {
          accept();
        } else if (key.isReadable()) {
          read((Client) key.attachment());
        }
      }
    }
  }

  private CommunicatorException someAreMissing(Duration timeout) {
    List<Integer> absent =
        IntStream.range(1, came.length).filter(rank -> came[rank] == null).boxed().toList();
    String others =
        refused == 0
            ? ""
            : "; %d other%s refused: %s%s"
                .formatted(
                    refused,
                    refused == 1 ? " was" : "s were",
                    String.join("; ", refusals),
                    refused > refusals.size() ? "; ..." : "");
    return new CommunicatorException(
        "%s of %s did not come to rank 0 at port %s within %s%s"
            .formatted(
                absent.stream().map(rank -> "rank " + rank).collect(Collectors.joining(", ")),
                came.length,
                ranks.masterPort(),
                seconds(timeout),
                others),
        absent,
        null);
  }

  private static String seconds(Duration duration) {
    return Rendezvous.seconds(duration);
  }

  private void accept() throws IOException {
    SocketChannel channel;
    try {
      channel = listener.accept();
    } catch (IOException e) {
      log.accept("rank 0 could not take a connection: " + e.getMessage());
      return; // out of descriptors, for now
    }
    if (channel == null) {
      return;
    }
    if (waiting.size() >= ranks.size() + MOST_GUESTS) {
      refuse(waiting.getFirst(), "did not introduce itself before too many others came");
    }
    channel.configureBlocking(false);
    SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
    Client client =
        new Client(
            channel,
            key,
            String.valueOf(channel.getRemoteAddress()),
            System.nanoTime() + GUEST_TIME.toNanos(),
            new RendezvousGuest(secret));
    key.attach(client);
    waiting.addLast(client);
  }

  private void read(Client client) throws IOException {
    RendezvousGuest guest = client.guest();
    boolean wasRank = guest.greeting().isPresent();
    int count;
    try {
      count = client.channel().read(read.clear());
    } catch (IOException _) {
      count = -1; // reset by the other end
    }
    if (count < 0) {
      refuse(
          client, wasRank ? "left before all ranks had come" : "left without introducing itself");
      return;
    }
    guest.receive(read.flip()).ifPresent(reply -> write(client.channel(), reply));
    if (guest.problem().isPresent()) {
      refuse(client, guest.problem().get());
    } else if (!wasRank && guest.greeting().isPresent()) {
      waiting.remove(client);
      welcome(client, guest.greeting().get());
    }
  }

  private void welcome(Client client, Greeting greeting) throws IOException {
    int rank = greeting.rank();
    if (greeting.size() != ranks.size()) {
      refuse(
          client, "was started as one of " + greeting.size() + " ranks, rank 0 of " + ranks.size());
    } else if (rank < 1 || rank >= ranks.size()) {
      refuse(client, "is rank 0 itself or none of " + ranks.size() + " ranks");
    } else if (!Arrays.equals(greeting.digest(), runDigest)) {
      refuse(
          client,
          "was started with other data, another configuration or another version than rank 0");
    } else if (came[rank] != null) {
      refuse(client, "came twice, first from " + came[rank].address());
    } else {
      came[rank] = client;
      missing--;
    }
  }

  /** Tells a client why it is not let in, if it can understand that, and goes on waiting. */
  private void refuse(Client client, String reason) throws IOException {
    waiting.remove(client);
    String who =
        client
            .guest()
            .greeting()
            .map(greeting -> "rank %d (%s)".formatted(greeting.rank(), client.address()))
            .orElse(client.address());
    String problem = who + " " + reason;
    refused++;
    if (refusals.size() < NAMED_REFUSALS) {
      refusals.add(problem);
      log.accept("the rendezvous goes on without " + problem);
    } else if (refused == NAMED_REFUSALS + 1) {
      log.accept("the rendezvous refuses more; they are not named any more");
    }
    client
        .guest()
        .answer(RendezvousMessage.REFUSED, text(problem))
        .ifPresent(answer -> write(client.channel(), answer));
    for (int rank = 1; rank < came.length; rank++) {
      if (came[rank] == client) {
        came[rank] = null;
        missing++;
      }
    }
    client.key().cancel();
    client.channel().close();
  }

  private void answer(int outcome, byte[] content) {
    for (Client client : came) {
      if (client != null) {
        client
            .guest()
            .answer(outcome, content)
            .ifPresent(answer -> write(client.channel(), answer));
      }
    }
  }

  /** Writes a whole message. A rank that cannot take it has gone, and will be missing later. */
  private static void write(SocketChannel channel, ByteBuffer message) {
    long end = System.nanoTime() + ANSWER_NANOS;
    try {
      while (message.hasRemaining() && System.nanoTime() < end) {
        if (channel.write(message) == 0) {
          Thread.onSpinWait();
        }
      }
    } catch (IOException _) {
      // the rank can receive nothing any more
    }
  }

  /** Closes all connections, but not the listener. */
  @Override
  public void close() throws IOException {
    for (SelectionKey key : selector.keys()) {
      if (key.attachment() instanceof Client client) {
        client.channel().close();
      }
    }
    selector.close();
  }
}
