package dev.cocoli.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** Where a job's secret comes from, and what is proven by it. */
class JobSecretTest {
  private static final String KEY = "OMPI_MCA_orte_precondition_transports";
  private static final String RUN = "TORCHELASTIC_RUN_ID";
  private static final byte[] PART = {1, 2, 3};

  @Test
  void theUsersSecretCountsFirst() {
    Map<String, String> environment =
        Map.of(
            JobSecret.VARIABLE,
            "a secret of the user's",
            KEY,
            "0123456789abcdef-0123456789abcdef",
            RUN,
            "8c7d1c1e-6a2b-4c3d-9e4f-001122334455");
    JobSecret secret = JobSecret.of(environment);
    assertEquals("the secret of COCOLI_JOB_SECRET", secret.toString());
    assertTrue(
        secret.isProven(
            JobSecret.of(Map.of(JobSecret.VARIABLE, "a secret of the user's")).proof(PART), PART));
  }

  @Test
  void launchersGiveSome() {
    assertTrue(JobSecret.of(Map.of(KEY, "0123456789abcdef-0123456789abcdef")).isKept());
    assertTrue(JobSecret.of(Map.of(RUN, "8c7d1c1e-6a2b-4c3d-9e4f-001122334455")).isKept());
    for (String known : new String[] {"none", "job7", "8c7d1c1e-6a2b-1c3d-9e4f-001122334455"}) {
      assertFalse(JobSecret.of(Map.of(RUN, known)).isKept(), known);
    }
    assertFalse(JobSecret.of(Map.of("SLURM_JOB_ID", "7")).isKept());
    assertFalse(JobSecret.of(Map.of(JobSecret.VARIABLE, "")).isKept());
  }

  @Test
  void shortSecretsAreRefused() {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> JobSecret.of(Map.of(JobSecret.VARIABLE, "hunter2")))
            .getMessage();
    assertEquals("COCOLI_JOB_SECRET has fewer than 16 characters", message);
  }

  @Test
  void aProofIsOfItsPartsAlone() {
    JobSecret secret = JobSecret.of(Map.of(JobSecret.VARIABLE, "a secret of the user's"));
    JobSecret other = JobSecret.of(Map.of(JobSecret.VARIABLE, "a secret of the others"));
    byte[] proof = secret.proof(PART, new byte[] {4});
    assertTrue(secret.isProven(proof, PART, new byte[] {4}));
    assertFalse(other.isProven(proof, PART, new byte[] {4}));
    assertFalse(secret.isProven(proof, PART, new byte[] {5}));
    assertFalse(secret.isProven(proof, new byte[] {1, 2, 3, 4}));
    assertFalse(secret.isProven(proof, new byte[] {1, 2}, new byte[] {3, 4}));
    assertFalse(secret.isProven(new byte[0], PART, new byte[] {4}));
  }
}
