package dev.cocoli.bundle.prove.samples;

import org.junit.jupiter.api.Test;

/** A test in which the process ends. */
public class Crashes {
  @Test
  void crashes() {
    System.out.println("about to crash");
    Runtime.getRuntime().halt(42);
  }
}
