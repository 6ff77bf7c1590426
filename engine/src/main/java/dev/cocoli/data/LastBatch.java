package dev.cocoli.data;

/** What to do with the images at the end of an epoch that do not fill a batch. */
public enum LastBatch {
  /** They are left out of this epoch, as in torchvision's reference; the next has another order. */
  DROP,
  /** They form a smaller batch, so that every epoch has every image once. */
  KEEP
}
