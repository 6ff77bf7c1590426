package dev.cocoli.distributed;

import dev.cocoli.distributed.RendezvousMessage.Greeting;
import dev.cocoli.distributed.RendezvousMessage.Opening;
import dev.cocoli.distributed.RendezvousMessage.Session;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/**
 * What rank 0 knows of a client that has connected: what it sent so far. It is a rank once its
 * greeting has come and proves that it knows the job's secret.
 */
final class RendezvousGuest {
  private final JobSecret secret;
  private final byte[] nonce = RendezvousMessage.nonce();
  private final byte[] received = new byte[RendezvousMessage.MAX_GREETING_BYTES];
  private int count;
  private Session session;
  private Greeting greeting;
  private String problem;

  RendezvousGuest(JobSecret secret) {
    this.secret = secret;
  }

  /**
   * Takes what the client sent.
   *
   * @param bytes all that has come
   * @return a message for the client, if there is one
   */
  Optional<ByteBuffer> receive(ByteBuffer bytes) {
    Optional<ByteBuffer> reply = Optional.empty();
    while (bytes.hasRemaining() && problem == null && greeting == null) {
      int wanted = wanted();
      int taken = Math.min(bytes.remaining(), wanted - count);
      bytes.get(received, count, taken);
      count += taken;
      if (session == null && !RendezvousMessage.canBeOpening(received, count)) {
        problem = "is no rank of Cocoli's";
      } else if (count == wanted && session == null) {
        reply = Optional.of(opened());
      } else if (count == wanted) {
        greeted();
      }
    }
    if (bytes.hasRemaining() && problem == null) {
      problem = "went on talking";
    }
    return reply;
  }

  /** The size of the message that is under way, as far as that is known. */
  private int wanted() {
    if (session == null) {
      return RendezvousMessage.OPENING_BYTES;
    }
    return count < RendezvousMessage.GREETING_HEADER_BYTES
        ? RendezvousMessage.GREETING_HEADER_BYTES
        : RendezvousMessage.greetingByteSize(received);
  }

  private ByteBuffer opened() {
    Opening hello = RendezvousMessage.readOpening(received);
    session = new Session(secret, hello.nonce(), nonce);
    count = 0;
    if (hello.version() != RendezvousMessage.VERSION) {
      problem =
          ("speaks version %s of the rendezvous, rank 0 version %s: use the same version of"
                  + " Cocoli for all ranks")
              .formatted(hello.version(), RendezvousMessage.VERSION);
    }
    return RendezvousMessage.opening(nonce);
  }

  private void greeted() {
    if (count == RendezvousMessage.GREETING_HEADER_BYTES) {
      problem = RendezvousMessage.greetingByteSize(received) < 0 ? "is no rank of Cocoli's" : null;
      return;
    }
    byte[] message = Arrays.copyOf(received, count);
    if (session.isOfARank(message)) {
      greeting = RendezvousMessage.readGreeting(message);
    } else {
      problem =
          secret.isKept()
              ? "does not know the secret of this job (" + JobSecret.VARIABLE + ")"
              : "knows another secret (" + JobSecret.VARIABLE + ") than rank 0, which has none";
    }
  }

  /** {@return why this is no rank of the job; nothing if it is one, or may become one} */
  Optional<String> problem() {
    return Optional.ofNullable(problem);
  }

  /** {@return the greeting of a rank that knows the secret; nothing before} */
  Optional<Greeting> greeting() {
    return Optional.ofNullable(greeting);
  }

  /** {@return a message to the client; nothing before its hello} */
  Optional<ByteBuffer> answer(int outcome, byte[] content) {
    return Optional.ofNullable(session).map(known -> known.answer(outcome, content));
  }
}
