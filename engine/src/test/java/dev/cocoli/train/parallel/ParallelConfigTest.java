package dev.cocoli.train.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.tensor.Device;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ParallelConfigTest {
  @ParameterizedTest
  @ValueSource(longs = {-1, 0, Integer.MAX_VALUE + 1L, Long.MAX_VALUE})
  void refusesATimeoutThatNoOneCanWaitFor(long seconds) {
    Duration timeout = Duration.ofSeconds(seconds);
    String message =
        assertThrows(
                IllegalArgumentException.class, () -> ParallelConfig.DEFAULT.withTimeout(timeout))
            .getMessage();
    assertTrue(message.contains("at most 2,147,483,647 seconds, not " + timeout), message);
    try (Backend first = Backends.open(Device.CPU, 1);
        Backend second = Backends.open(Device.CPU, 1)) {
      List<Backend> both = List.of(first, second);
      assertThrows(IllegalArgumentException.class, () -> Backends.connect(both, timeout));
    }
  }

  @Test
  void waitsForTheLongest() {
    ParallelConfig config = ParallelConfig.DEFAULT.withTimeout(Communicator.LONGEST_TIMEOUT);
    try (Backend first = Backends.open(Device.CPU, 1);
        Backend second = Backends.open(Device.CPU, 1)) {
      List<Communicator> ranks = Backends.connect(List.of(first, second), config.timeout());
      CompletableFuture<List<byte[]>> other =
          CompletableFuture.supplyAsync(() -> ranks.get(1).allGather(new byte[] {2}));
      assertEquals(2, ranks.get(0).allGather(new byte[] {1}).get(1)[0]);
      assertEquals(1, other.join().get(0)[0]);
      ranks.forEach(Communicator::close);
    }
  }
}
