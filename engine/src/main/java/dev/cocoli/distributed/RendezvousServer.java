package dev.cocoli.distributed;

import dev.cocoli.distributed.RendezvousMessage.Greeting;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Serves rank 0's end of a {@link Rendezvous}. One thread serves all connections without blocking
 * on any, so that a client that sends nothing does not delay the others.
 */
final class RendezvousServer implements AutoCloseable {
  /** The time for which an answer may be written to a connection that has room for it. */
  private static final long ANSWER_NANOS = 1_000_000_000;

  /** A client that has connected; it is a rank once its greeting is complete. */
  private static final class Guest {
    final SocketChannel channel;
    final ByteBuffer received =
        ByteBuffer.allocate(
            RendezvousMessage.GREETING_HEADER_BYTES + RendezvousMessage.MAX_DIGEST_BYTES);
    int rank = -1;

    Guest(SocketChannel channel) {
      this.channel = channel;
    }
  }

  private final ServerSocketChannel listener;
  private final RankEnvironment ranks;
  private final byte[] runDigest;
  private final Selector selector;
  private final SocketChannel[] came;
  private int missing;
  private int strangers;

  RendezvousServer(ServerSocketChannel listener, RankEnvironment ranks, byte[] runDigest)
      throws IOException {
    this.listener = listener;
    this.ranks = ranks;
    this.runDigest = runDigest;
    came = new SocketChannel[ranks.size()];
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
      answer(RendezvousMessage.refusal(e.getMessage()));
      throw e;
    }
    answer(RendezvousMessage.acceptance(payload));
  }

  private void waitForAll(long end, Duration timeout) throws IOException {
    while (missing > 0) {
      long millis = (end - System.nanoTime()) / 1_000_000;
      if (millis <= 0) {
        List<Integer> absent =
            IntStream.range(1, came.length).filter(rank -> came[rank] == null).boxed().toList();
        throw new CommunicatorException(
            absent.stream().map(rank -> "rank " + rank).collect(Collectors.joining(", "))
                + " of "
                + came.length
                + " did not come to rank 0 at port "
                + ranks.masterPort()
                + " within "
                + Rendezvous.seconds(timeout)
                + (strangers == 0 ? "" : "; " + strangers + " others came who are no ranks"),
            absent,
            null);
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new CommunicatorException("rank 0 was interrupted", List.of(0), null);
      }
      selector.select(millis);
      for (Iterator<SelectionKey> keys = selector.selectedKeys().iterator(); keys.hasNext(); ) {
        SelectionKey key = keys.next();
        keys.remove();
        if (key.isAcceptable()) {
          accept();
        } else if (key.isReadable()) {
          read(key, (Guest) key.attachment());
        }
      }
    }
  }

  private void accept() throws IOException {
    SocketChannel channel = listener.accept();
    if (channel != null) {
      channel.configureBlocking(false);
      channel.register(selector, SelectionKey.OP_READ, new Guest(channel));
    }
  }

  private void read(SelectionKey key, Guest guest) throws IOException {
    int count;
    try {
      count = guest.channel.read(guest.received);
    } catch (IOException _) {
      count = -1; // reset by the other end
    }
    if (guest.rank >= 0) {
      // a rank sends nothing after its greeting
      throw new CommunicatorException(
          "rank "
              + guest.rank
              + (count < 0 ? " left" : " went on talking")
              + " before all ranks had come",
          List.of(guest.rank),
          null);
    }
    int byteSize = RendezvousMessage.greetingByteSize(guest.received);
    if (count < 0 || byteSize < 0 || guest.received.position() > byteSize) {
      strangers++;
      key.cancel();
      guest.channel.close();
    } else if (guest.received.position() == byteSize) {
      welcome(guest, RendezvousMessage.readGreeting(guest.received));
    }
  }

  private void welcome(Guest guest, Greeting greeting) throws IOException {
    int rank = greeting.rank();
    String who = "rank " + rank + " (" + guest.channel.getRemoteAddress() + ")";
    String problem = null;
    if (greeting.version() != RendezvousMessage.VERSION) {
      problem =
          who
              + " speaks version "
              + greeting.version()
              + " of the rendezvous, rank 0 version "
              + RendezvousMessage.VERSION
              + ": use the same version of Cocoli for all ranks";
    } else if (greeting.size() != ranks.size()) {
      problem =
          who + " was started as one of " + greeting.size() + " ranks, rank 0 of " + ranks.size();
    } else if (rank < 1 || rank >= ranks.size()) {
      problem = who + " came, who is rank 0 itself or none of " + ranks.size() + " ranks";
    } else if (!Arrays.equals(greeting.digest(), runDigest)) {
      problem =
          who
              + " was started with other data, another configuration or another version than rank"
              + " 0";
    } else if (came[rank] != null) {
      problem =
          "rank " + rank + " came twice: " + address(came[rank]) + " and " + address(guest.channel);
    }
    if (problem != null) {
      write(guest.channel, RendezvousMessage.refusal(problem));
      throw new CommunicatorException(problem, List.of(rank), null);
    }
    guest.rank = rank;
    came[rank] = guest.channel;
    missing--;
  }

  private void answer(ByteBuffer answer) {
    for (SocketChannel channel : came) {
      if (channel != null) {
        write(channel, answer.duplicate());
      }
    }
  }

  /** Writes a whole answer. A rank that cannot take it has gone, and will be missing later. */
  private static void write(SocketChannel channel, ByteBuffer answer) {
    long end = System.nanoTime() + ANSWER_NANOS;
    try {
      while (answer.hasRemaining() && System.nanoTime() < end) {
        if (channel.write(answer) == 0) {
          Thread.onSpinWait();
        }
      }
    } catch (IOException _) {
      // the rank can receive nothing any more
    }
  }

  private static String address(SocketChannel channel) throws IOException {
    return String.valueOf(channel.getRemoteAddress());
  }

  /** Closes all connections, but not the listener. */
  @Override
  public void close() throws IOException {
    for (SelectionKey key : selector.keys()) {
      if (key.attachment() instanceof Guest guest) {
        guest.channel.close();
      }
    }
    selector.close();
  }
}
