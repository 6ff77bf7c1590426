package dev.cocoli.train.parallel;

import dev.cocoli.backend.Backend;
import dev.cocoli.distributed.Communicator;

/** Connects the replicas of this process with each other, and with those of other processes. */
interface Connector {

  /** {@return the rank of this process's first replica; the others' follow} */
  int firstRank();

  /**
   * Waits until all replicas are there. On the thread that drives the backend.
   *
   * @param index which replica of this process, from 0
   * @param backend what it computes with
   * @return its connection, which it closes
   * @throws dev.cocoli.distributed.CommunicatorException if not all come
   */
  Communicator connect(int index, Backend backend);

  /**
   * Ends the wait of the others: a replica of this process will not come.
   *
   * @param index which
   * @param reason why
   */
  void giveUp(int index, String reason);
}
