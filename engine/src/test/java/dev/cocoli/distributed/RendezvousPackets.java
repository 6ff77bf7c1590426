package dev.cocoli.distributed;

import dev.cocoli.distributed.RendezvousMessage.Session;
import dev.cocoli.fuzz.FuzzedReader;
import dev.cocoli.fuzz.Mutation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What rank 0 does with the bytes of a guest, and a rank with those of an answer. */
public final class RendezvousPackets {
  private static final JobSecret SECRET =
      JobSecret.of(Map.of(JobSecret.VARIABLE, "the secret of the tries"));
  private static final byte[] NONCE = new byte[32];
  private static final int PIECE = 17;

  private RendezvousPackets() {}

  /** {@return both as a reader: of a hello and a greeting, or of an answer} */
  public static FuzzedReader reader() {
    Session session = new Session(SECRET, NONCE, NONCE);
    byte[] hello = RendezvousMessage.opening(NONCE).array();
    byte[] greeting = session.greeting(1, 2, new byte[] {1, 2, 3}).array();
    byte[] both = Arrays.copyOf(hello, hello.length + greeting.length);
    System.arraycopy(greeting, 0, both, hello.length, greeting.length);
    byte[] answer = session.answer(RendezvousMessage.ACCEPTED, new byte[128]).array();
    return new FuzzedReader(
        "rendezvous",
        List.of(both, answer),
        Mutation.BYTES,
        List.of(IOException.class),
        RendezvousPackets::read);
  }

  private static void read(byte[] bytes, Path file) throws IOException {
    answered(bytes, file);
    RendezvousGuest guest = new RendezvousGuest(SECRET);
    int opening = Math.min(bytes.length, RendezvousMessage.OPENING_BYTES);
    Optional<ByteBuffer> challenge = guest.receive(ByteBuffer.wrap(bytes, 0, opening));
    byte[] rest = Arrays.copyOfRange(bytes, opening, bytes.length);
    if (challenge.isPresent() && rest.length > JobSecret.PROOF_BYTES && rest[0] % 2 == 0) {
      prove(rest, bytes, challenge.get());
    }
    for (int at = 0; at < rest.length && guest.problem().isEmpty(); at += PIECE) {
      guest.receive(ByteBuffer.wrap(rest, at, Math.min(PIECE, rest.length - at)));
    }
    if (guest.problem().isPresent()) {
      throw new IOException(file + ": " + guest.problem().get());
    }
    guest.greeting().orElseThrow(() -> new IOException(file + ": more is awaited"));
  }

  /** Makes the last bytes the right proof of those before, so that these are read, too. */
  private static void prove(byte[] rest, byte[] all, ByteBuffer challenge) {
    byte[] body = Arrays.copyOf(rest, rest.length - JobSecret.PROOF_BYTES);
    byte[] proof =
        SECRET.proof(
            "rank".getBytes(StandardCharsets.US_ASCII),
            RendezvousMessage.readOpening(all).nonce(),
            RendezvousMessage.readOpening(challenge.array()).nonce(),
            body);
    System.arraycopy(proof, 0, rest, body.length, proof.length);
  }

  private static void answered(byte[] bytes, Path file) throws IOException {
    if (bytes.length < RendezvousMessage.ANSWER_HEADER_BYTES) {
      throw new IOException(file + ": is cut");
    }
    int byteSize =
        RendezvousMessage.answerByteSize(
            Arrays.copyOf(bytes, RendezvousMessage.ANSWER_HEADER_BYTES));
    if (byteSize >= 0 && byteSize <= bytes.length) {
      byte[] answer = Arrays.copyOf(bytes, byteSize);
      boolean isProven = new Session(SECRET, NONCE, NONCE).isOfRankZero(answer);
      boolean isThatOfTheSeed =
          RendezvousMessage.isAcceptance(answer)
              && Arrays.equals(new byte[128], RendezvousMessage.contentOf(answer));
      if (isProven && !isThatOfTheSeed) {
        throw new AssertionError("another answer is proven");
      }
    }
  }
}
