package dev.cocoli.structures;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class CountTest {
  @Test
  void oneIsSingular() {
    assertEquals("1 epoch", new Count(1, "epoch").toString());
    assertEquals("0 epochs", new Count(0, "epoch").toString());
    assertEquals("12,345 images", new Count(12_345, "image").toString());
    assertEquals("1 box", new Count(1, "box").toString());
    assertEquals("2 boxes", new Count(2, "box").toString());
    assertEquals("3 classes", new Count(3, "class").toString());
  }
}
