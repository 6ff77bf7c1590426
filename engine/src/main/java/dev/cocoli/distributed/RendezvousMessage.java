package dev.cocoli.distributed;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The two messages of a rendezvous: a greeting to rank 0 and the answer to it. Both begin with a
 * number that no other program sends; integers are big-endian.
 */
final class RendezvousMessage {
  /** The ASCII characters of "COCOLIRV". */
  static final long MAGIC = 0x434F434F4C495256L;

  /** The version of the layout of greeting and answer. */
  static final int VERSION = 1;

  /** The size of magic, version, rank, number of ranks and byte size of the digest. */
  static final int GREETING_HEADER_BYTES = Long.BYTES + 4 * Integer.BYTES;

  /** The size of magic, outcome, and byte size of the payload or the text. */
  static final int ANSWER_HEADER_BYTES = Long.BYTES + 2 * Integer.BYTES;

  static final int MAX_DIGEST_BYTES = 1 << 11;
  static final int MAX_ANSWER_BYTES = 1 << 20;

  private static final int ACCEPTED = 0;
  private static final int REFUSED = 1;

  /** The message by which a rank introduces itself. */
  record Greeting(int version, int rank, int size, byte[] digest) {}

  /** The answer of rank 0: a payload, or the reason why there is none. */
  record Answer(Optional<byte[]> payload, String refusal) {}

  private RendezvousMessage() {}

  static ByteBuffer greeting(int rank, int size, byte[] digest) {
    if (digest.length > MAX_DIGEST_BYTES) {
      throw new IllegalArgumentException("a digest of " + digest.length + " bytes");
    }
    return ByteBuffer.allocate(GREETING_HEADER_BYTES + digest.length)
        .putLong(MAGIC)
        .putInt(VERSION)
        .putInt(rank)
        .putInt(size)
        .putInt(digest.length)
        .put(digest)
        .flip();
  }

  /** The byte size of a whole greeting as given in its first bytes; -1 if it is no greeting. */
  static int greetingByteSize(ByteBuffer received) {
    int known = Math.min(received.position(), Long.BYTES);
    for (int i = 0; i < known; i++) {
      if (received.get(i) != (byte) (MAGIC >>> 8 * (Long.BYTES - 1 - i))) {
        return -1;
      }
    }
    if (received.position() < GREETING_HEADER_BYTES) {
      return GREETING_HEADER_BYTES;
    }
    int digestBytes = received.getInt(GREETING_HEADER_BYTES - Integer.BYTES);
    return digestBytes < 0 || digestBytes > MAX_DIGEST_BYTES
        ? -1
        : GREETING_HEADER_BYTES + digestBytes;
  }

  static Greeting readGreeting(ByteBuffer received) {
    ByteBuffer bytes = received.duplicate().flip().position(Long.BYTES);
    int version = bytes.getInt();
    int rank = bytes.getInt();
    int size = bytes.getInt();
    byte[] digest = new byte[bytes.getInt()];
    bytes.get(digest);
    return new Greeting(version, rank, size, digest);
  }

  static ByteBuffer acceptance(byte[] payload) {
    return answer(ACCEPTED, payload);
  }

  static ByteBuffer refusal(String reason) {
    return answer(REFUSED, reason.getBytes(StandardCharsets.UTF_8));
  }

  private static ByteBuffer answer(int outcome, byte[] bytes) {
    if (bytes.length > MAX_ANSWER_BYTES) {
      throw new IllegalArgumentException("an answer of " + bytes.length + " bytes");
    }
    return ByteBuffer.allocate(ANSWER_HEADER_BYTES + bytes.length)
        .putLong(MAGIC)
        .putInt(outcome)
        .putInt(bytes.length)
        .put(bytes)
        .flip();
  }

  /** The number of bytes that follow an answer's header; -1 if it is no answer. */
  static int answerByteSize(byte[] header) {
    ByteBuffer bytes = ByteBuffer.wrap(header);
    long magic = bytes.getLong();
    int outcome = bytes.getInt();
    int byteSize = bytes.getInt();
    boolean valid =
        magic == MAGIC
            && (outcome == ACCEPTED || outcome == REFUSED)
            && byteSize >= 0
            && byteSize <= MAX_ANSWER_BYTES;
    return valid ? byteSize : -1;
  }

  static Answer readAnswer(byte[] header, byte[] rest) {
    return ByteBuffer.wrap(header).getInt(Long.BYTES) == ACCEPTED
        ? new Answer(Optional.of(rest), "")
        : new Answer(Optional.empty(), new String(rest, StandardCharsets.UTF_8));
  }
}
