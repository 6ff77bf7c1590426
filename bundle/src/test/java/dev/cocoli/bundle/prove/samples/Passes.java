package dev.cocoli.bundle.prove.samples;

import org.junit.jupiter.api.Test;

/** A test that passes; surefire does not take it for one. */
public class Passes {
  @Test
  void passes() {
    System.out.println("it was here");
  }
}
