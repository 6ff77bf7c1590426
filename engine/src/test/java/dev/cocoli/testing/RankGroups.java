package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Communicator;
import java.time.Duration;
import org.junit.jupiter.params.provider.Arguments;

/** A way to connect ranks: what a communicator's contract is held against. */
public interface RankGroups {

  /**
   * Ranks that are to be connected. Closing frees what does not belong to a rank's communicator.
   */
  interface RankGroup extends AutoCloseable {
    /**
     * {@return a rank's backend}
     *
     * @param rank which
     */
    Backend backend(int rank);

    /**
     * {@return a rank's communicator; called on the rank's thread}
     *
     * @param rank which
     */
    Communicator connect(int rank);

    @Override
    void close();
  }

  /**
   * {@return ranks to be connected}
   *
   * @param size how many
   * @param timeout how long they wait for each other
   */
  RankGroup open(int size, Duration timeout);

  /**
   * {@return arguments of a parameterised class}
   *
   * @param name of the way to connect
   * @param groups the way to connect
   * @param size how many ranks
   */
  static Arguments arguments(String name, RankGroups groups, int size) {
    return Arguments.argumentSet(
        name + ", " + size + (size == 1 ? " rank" : " ranks"), groups, size);
  }
}
