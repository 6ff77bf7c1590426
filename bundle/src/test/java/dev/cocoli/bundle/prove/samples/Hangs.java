package dev.cocoli.bundle.prove.samples;

import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** A test that never ends, and starts a process that does not either. */
public class Hangs {
  @Test
  void hangs() throws Exception {
    Process child = new ProcessBuilder("sleep", "1000").start();
    System.out.println("child " + child.pid());
    new CountDownLatch(1).await();
  }
}
