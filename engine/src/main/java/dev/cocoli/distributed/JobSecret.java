package dev.cocoli.distributed;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Map;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A text that all ranks of a job know and nobody else: by it they recognise each other. It is the
 * environment variable {@code COCOLI_JOB_SECRET}; without that, a random text that the launcher
 * gives to all ranks: Open MPI's key of the job's transports, or torchrun's run id if torchrun drew
 * it itself ({@code --standalone}). Slurm, and torchrun with an id of the user's, give none.
 */
final class JobSecret {
  static final String VARIABLE = "COCOLI_JOB_SECRET";

  /** The least length of a secret of the user's: short ones can be guessed. */
  private static final int LEAST_CHARACTERS = 16;

  /** The size of a {@link #proof}. */
  static final int PROOF_BYTES = 32;

  private static final String OPEN_MPI = "OMPI_MCA_orte_precondition_transports";
  private static final Pattern OPEN_MPIS = Pattern.compile("[0-9a-f]{16}-[0-9a-f]{16}");
  private static final String TORCHRUN = "TORCHELASTIC_RUN_ID";
  private static final Pattern RANDOM_UUID =
      Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  private static final String ALGORITHM = "HmacSHA256";

  /** Takes the place of a secret where there is none; everybody can know it. */
  private static final String NONE = "a job without a secret";

  private final String source;
  private final SecretKeySpec key;

  private JobSecret(String source, String secret) {
    this.source = source;
    this.key = new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), ALGORITHM);
  }

  /**
   * {@return the secret of a job}
   *
   * @param environment the variables of a rank
   * @throws IllegalArgumentException if the user's secret is too short
   */
  static JobSecret of(Map<String, String> environment) {
    String given = environment.getOrDefault(VARIABLE, "");
    if (!given.isEmpty()) {
      if (given.length() < LEAST_CHARACTERS) {
        throw new IllegalArgumentException(
            VARIABLE + " has fewer than " + LEAST_CHARACTERS + " characters");
      }
      return new JobSecret(VARIABLE, given);
    }
    for (Map.Entry<String, Pattern> random :
        Map.of(OPEN_MPI, OPEN_MPIS, TORCHRUN, RANDOM_UUID).entrySet()) {
      String value = environment.getOrDefault(random.getKey(), "");
      if (random.getValue().matcher(value).matches()) {
        return new JobSecret(random.getKey(), value);
      }
    }
    return new JobSecret("", NONE);
  }

  /** {@return whether strangers do not know it} */
  boolean isKept() {
    return !source.isEmpty();
  }

  /**
   * {@return what only those can compute who know the secret: HMAC-SHA256}
   *
   * @param parts what it is about; the size of each is part of it
   */
  byte[] proof(byte[]... parts) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(key);
      for (byte[] part : parts) {
        mac.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, part.length));
        mac.update(part);
      }
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new AssertionError("every Java platform has " + ALGORITHM, e);
    }
  }

  /**
   * {@return whether somebody knows the secret}
   *
   * @param proof what they sent
   * @param parts what it is to be about
   */
  boolean isProven(byte[] proof, byte[]... parts) {
    return MessageDigest.isEqual(proof, proof(parts)); // takes the same time wherever they differ
  }

  /** Does not show the secret. */
  @Override
  public String toString() {
    return isKept() ? "the secret of " + source : "no secret";
  }
}
