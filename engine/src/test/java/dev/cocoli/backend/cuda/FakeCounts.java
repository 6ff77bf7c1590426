package dev.cocoli.backend.cuda;

import java.util.List;
import java.util.TreeMap;

/** How often each thing is done from here on. */
final class FakeCounts {
  private final TreeMap<String, Long> before = new TreeMap<>();

  FakeCounts() {
    for (String name : List.of("captures", "instantiations", "launches", "calls")) {
      before.put(name, FakeGpu.count(name));
    }
  }

  long of(String name) {
    return FakeGpu.count(name) - before.get(name);
  }

  void check(long captures, long launches) {
    String counts = of("captures") + " captures, " + of("launches") + " launches";
    String expected = captures + " captures, " + launches + " launches";
    FakeGraphRun.check(counts.equals(expected), counts + ", not " + expected);
    FakeGraphRun.check(of("instantiations") == captures, "other instantiations than captures");
  }
}
