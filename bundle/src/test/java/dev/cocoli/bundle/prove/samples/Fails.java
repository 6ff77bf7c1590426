package dev.cocoli.bundle.prove.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** A test that fails. */
public class Fails {
  @Test
  void fails() {
    assertEquals(1, 2, "one is not two");
  }
}
