package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.distributed.Communicator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** A way to connect ranks, which is tested against the communicator's contract. */
public interface RankGroups {
  /** The property that limits the tests to NCCL. */
  String ONLY_NCCL = "cocoli.test.nccl";

  /** Ranks to be connected. Closing frees what does not belong to a rank's communicator. */
  interface RankGroup extends AutoCloseable {
    /**
     * {@return the backend of a rank}
     *
     * @param rank the rank
     */
    Backend backend(int rank);

    /**
     * {@return the communicator of a rank; called on the rank's thread}
     *
     * @param rank the rank
     */
    Communicator connect(int rank);

    @Override
    void close();
  }

  /**
   * {@return ranks to be connected}
   *
   * @param size the number of ranks
   * @param timeout how long they wait for each other
   */
  RankGroup open(int size, Duration timeout);

  /**
   * {@return every way to connect that this machine has, with numbers of ranks}
   *
   * @param sizes the wanted numbers of ranks; those that a way cannot reach are left out
   */
  static Stream<Arguments> all(int... sizes) {
    List<Arguments> all = new ArrayList<>();
    boolean onlyNccl = Boolean.getBoolean(ONLY_NCCL);
    for (int size : onlyNccl ? new int[0] : sizes) {
      all.add(arguments("shared memory", new LocalRanks(), size));
    }
    int most = NcclRanks.mostRanks();
    for (int size : sizes) {
      if (size <= most) {
        all.add(arguments("NCCL", new NcclRanks(), size));
      }
    }
    return all.stream();
  }

  private static Arguments arguments(String name, RankGroups groups, int size) {
    String ranks = size == 1 ? " rank" : " ranks";
    return Arguments.argumentSet(name + ", " + size + ranks, groups, size);
  }
}
