package dev.cocoli.data;

/** What to do with the images at the end of an epoch that do not fill a batch. */
public enum LastBatch {
  /**
   * They are left out of this epoch; the next epoch has another order. As in torchvision's
   * reference.
   */
  DROP,
  /** They form a smaller batch, so that every epoch has every image once. */
  KEEP
}
