package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.distributed.Communicator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Ranks on the processor, connected by shared memory. */
public final class LocalRanks implements RankGroups {

  @Override
  public RankGroup open(int size, Duration timeout) {
    List<Backend> backends = new ArrayList<>();
    for (int rank = 0; rank < size; rank++) {
      backends.add(TestBackends.cpu(1));
    }
    List<Communicator> ranks = Backends.connect(backends, timeout);
    return new RankGroup() {
      @Override
      public Backend backend(int rank) {
        return backends.get(rank);
      }

      @Override
      public Communicator connect(int rank) {
        return ranks.get(rank);
      }

      @Override
      public void close() {
        backends.forEach(Backend::close);
      }
    };
  }

  @Override
  public String toString() {
    return "shared memory";
  }
}
