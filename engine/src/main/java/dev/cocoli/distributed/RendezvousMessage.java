package dev.cocoli.distributed;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;

/**
 * The four messages of a rendezvous. A rank sends a hello with a number that it draws (its nonce);
 * rank 0 answers with a challenge, a nonce of its own; the rank sends its greeting; rank 0 its
 * answer. Greeting and answer end in a proof over both nonces: whoever does not know the job's
 * {@link JobSecret} can make neither, and one that was recorded in another connection is worth
 * nothing. Hello and challenge begin with a number that no other program sends; integers are
 * big-endian.
 */
final class RendezvousMessage {
  /** The ASCII characters of "COCOLIRV". */
  static final long MAGIC = 0x434F434F4C495256L;

  /** The version of the layout of the messages. */
  static final int VERSION = 2;

  private static final int NONCE_BYTES = 32;

  /** The size of magic, version and nonce: a hello or a challenge. */
  static final int OPENING_BYTES = Long.BYTES + Integer.BYTES + NONCE_BYTES;

  /** The size of rank, number of ranks and byte size of the digest. */
  static final int GREETING_HEADER_BYTES = 3 * Integer.BYTES;

  /** The size of outcome, and byte size of the payload or the text. */
  static final int ANSWER_HEADER_BYTES = 2 * Integer.BYTES;

  static final int MAX_DIGEST_BYTES = 1 << 11;
  static final int MAX_ANSWER_BYTES = 1 << 20;

  /** The size of the largest greeting. */
  static final int MAX_GREETING_BYTES =
      GREETING_HEADER_BYTES + MAX_DIGEST_BYTES + JobSecret.PROOF_BYTES;

  static final int ACCEPTED = 0;
  static final int REFUSED = 1;

  private static final byte[] OF_A_RANK = "rank".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] OF_RANK_ZERO = "rank 0".getBytes(StandardCharsets.US_ASCII);
  private static final SecureRandom RANDOM = new SecureRandom();

  /** A hello or a challenge. */
  record Opening(int version, byte[] nonce) {}

  /** The message by which a rank introduces itself. */
  record Greeting(int rank, int size, byte[] digest) {}

  /**
   * What the proofs of a connection are about.
   *
   * @param secret of the job
   * @param rankNonce from the rank's hello
   * @param zeroNonce from rank 0's challenge
   */
  record Session(JobSecret secret, byte[] rankNonce, byte[] zeroNonce) {
    ByteBuffer greeting(int rank, int size, byte[] digest) {
      if (digest.length > MAX_DIGEST_BYTES) {
        throw new IllegalArgumentException("a digest of " + digest.length + " bytes");
      }
      byte[] body =
          ByteBuffer.allocate(GREETING_HEADER_BYTES + digest.length)
              .putInt(rank)
              .putInt(size)
              .putInt(digest.length)
              .put(digest)
              .array();
      return proven(OF_A_RANK, body);
    }

    ByteBuffer answer(int outcome, byte[] content) {
      if (content.length > MAX_ANSWER_BYTES) {
        throw new IllegalArgumentException("an answer of " + content.length + " bytes");
      }
      byte[] body =
          ByteBuffer.allocate(ANSWER_HEADER_BYTES + content.length)
              .putInt(outcome)
              .putInt(content.length)
              .put(content)
              .array();
      return proven(OF_RANK_ZERO, body);
    }

    private ByteBuffer proven(byte[] who, byte[] body) {
      return ByteBuffer.allocate(body.length + JobSecret.PROOF_BYTES)
          .put(body)
          .put(secret.proof(who, rankNonce, zeroNonce, body))
          .flip();
    }

    /** Whether a whole greeting is of somebody who knows the secret. */
    boolean isOfARank(byte[] message) {
      return isProven(OF_A_RANK, message);
    }

    /** Whether a whole answer is of somebody who knows the secret. */
    boolean isOfRankZero(byte[] message) {
      return isProven(OF_RANK_ZERO, message);
    }

    private boolean isProven(byte[] who, byte[] message) {
      int size = message.length - JobSecret.PROOF_BYTES;
      byte[] body = new byte[size];
      byte[] proof = new byte[JobSecret.PROOF_BYTES];
      ByteBuffer.wrap(message).get(body).get(proof);
      return secret.isProven(proof, who, rankNonce, zeroNonce, body);
    }
  }

  private RendezvousMessage() {}

  static byte[] nonce() {
    byte[] nonce = new byte[NONCE_BYTES];
    RANDOM.nextBytes(nonce);
    return nonce;
  }

  /** A hello or a challenge. */
  static ByteBuffer opening(byte[] nonce) {
    return ByteBuffer.allocate(OPENING_BYTES).putLong(MAGIC).putInt(VERSION).put(nonce).flip();
  }

  /** Whether the first bytes of a hello or a challenge can be that. */
  static boolean canBeOpening(byte[] received, int count) {
    for (int i = 0; i < Math.min(count, Long.BYTES); i++) {
      if (received[i] != (byte) (MAGIC >>> 8 * (Long.BYTES - 1 - i))) {
        return false;
      }
    }
    return true;
  }

  static Opening readOpening(byte[] message) {
    ByteBuffer bytes = ByteBuffer.wrap(message).position(Long.BYTES);
    int version = bytes.getInt();
    byte[] nonce = new byte[NONCE_BYTES];
    bytes.get(nonce);
    return new Opening(version, nonce);
  }

  /** The byte size of a whole greeting as given in its header; -1 if that is impossible. */
  static int greetingByteSize(byte[] header) {
    int digestBytes = ByteBuffer.wrap(header).getInt(GREETING_HEADER_BYTES - Integer.BYTES);
    return digestBytes < 0 || digestBytes > MAX_DIGEST_BYTES
        ? -1
        : GREETING_HEADER_BYTES + digestBytes + JobSecret.PROOF_BYTES;
  }

  static Greeting readGreeting(byte[] message) {
    ByteBuffer bytes = ByteBuffer.wrap(message);
    int rank = bytes.getInt();
    int size = bytes.getInt();
    byte[] digest = new byte[bytes.getInt()];
    bytes.get(digest);
    return new Greeting(rank, size, digest);
  }

  /** The byte size of a whole answer as given in its header; -1 if it is no answer. */
  static int answerByteSize(byte[] header) {
    ByteBuffer bytes = ByteBuffer.wrap(header);
    int outcome = bytes.getInt();
    int byteSize = bytes.getInt();
    boolean valid =
        (outcome == ACCEPTED || outcome == REFUSED)
            && byteSize >= 0
            && byteSize <= MAX_ANSWER_BYTES;
    return valid ? ANSWER_HEADER_BYTES + byteSize + JobSecret.PROOF_BYTES : -1;
  }

  static boolean isAcceptance(byte[] answer) {
    return ByteBuffer.wrap(answer).getInt() == ACCEPTED;
  }

  /** The payload, or the reason why there is none. */
  static byte[] contentOf(byte[] answer) {
    byte[] content = new byte[answer.length - ANSWER_HEADER_BYTES - JobSecret.PROOF_BYTES];
    ByteBuffer.wrap(answer).position(ANSWER_HEADER_BYTES).get(content);
    return content;
  }
}
