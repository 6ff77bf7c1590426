package dev.cocoli.bundle.selftest.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

/**
 * One test of each outcome, for the suite that counts them; surefire does not take it for a test.
 */
public class Mixed {
  @Test
  void passesOnTheDeviceUnderTest() {
    assertEquals("cuda:3", System.getProperty("cocoli.test.device"));
  }

  @Test
  void fails() {
    assertEquals(1, 2, "one is not two");
  }

  @Test
  void isSkipped() {
    assumeTrue(false, "not here");
  }
}
