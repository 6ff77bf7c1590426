package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LoadingAheadTest {
  @Test
  void onlyWhatComputesLoadsOneDnn() {
    assertTrue(LoadingAhead.computes("detect", "--weights", "best.safetensors", "a.jpg"));
    assertTrue(LoadingAhead.computes("train", "--out", "run", "--resume"));
    for (String printing : new String[] {"--help", "-h", "--help-all", "--version", "-V"}) {
      assertFalse(LoadingAhead.computes("detect", printing), printing);
      assertFalse(LoadingAhead.computes("train", "--out", "run", printing), printing);
    }
    assertFalse(LoadingAhead.computes("detect"));
    assertFalse(LoadingAhead.computes("doctor", "--verbose"));
    assertFalse(LoadingAhead.computes());
  }
}
