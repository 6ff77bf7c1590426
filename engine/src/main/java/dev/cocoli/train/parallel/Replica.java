package dev.cocoli.train.parallel;

import dev.cocoli.nn.ParameterArena;
import dev.cocoli.train.Progress;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * One of the replicas that train a model together, as its run sees it: which it is, and what all
 * agree on. The first writes the run folder. Every replica calls the same methods in the same
 * order.
 */
public sealed interface Replica extends AutoCloseable permits LoneReplica, ConnectedReplica {

  /** {@return which it is, from 0} */
  int rank();

  /** {@return how many there are} */
  int size();

  /** {@return how many of them share this process, and so the processor} */
  int localSize();

  /** {@return the devices that they compute on, for the record} */
  String devices();

  /** {@return whether it is the one that writes} */
  default boolean isFirst() {
    return rank() == 0;
  }

  /**
   * Sets weights, optimizer state and statistics to those of the first replica, and checks that all
   * have the same.
   *
   * @param parameters overwritten, but for the first
   * @param progress how far the run is; the first replica's counts
   * @return how far the run is
   */
  Progress begin(ParameterArena parameters, Progress progress);

  /**
   * {@return how steps are done together}
   *
   * @param parameters the model's
   * @param isStopRequested whether this replica asks all to stop; asked once per step
   */
  StepSynchronization synchronization(ParameterArena parameters, BooleanSupplier isStopRequested);

  /**
   * Sets the running statistics, which each replica has of its own images, to those of the first.
   *
   * @param parameters the model's
   */
  void shareStatistics(ParameterArena parameters);

  /**
   * {@return what every replica passes, by rank}
   *
   * @param own what this one passes
   */
  List<byte[]> gather(byte[] own);

  /**
   * Notes what is done next, for a message if it goes wrong.
   *
   * @param what such as {@code step 12}
   */
  void enter(String what);

  /**
   * Tells the others that this one cannot go on, which ends them too. Before memory that they may
   * read is freed.
   *
   * @param problem why
   */
  void fail(Throwable problem);

  /**
   * Writes a checkpoint, which the failure of another replica does not interrupt.
   *
   * @param save writes it
   */
  void keep(Runnable save);

  /** Leaves the others; none of them reads this replica's memory any more. */
  @Override
  void close();
}
