package dev.cocoli.train.parallel;

/** Whose images trained batch norms take their statistics from. */
public enum NormStatistics {
  /** Each replica its own, as torch's DistributedDataParallel does. */
  OWN,
  /** All replicas the whole batch's (torch's {@code SyncBatchNorm}). */
  SHARED
}
