package dev.cocoli.data;

/** What becomes of the images at the end of an epoch that do not fill a batch. */
public enum LastBatch {
  /** They wait for another epoch, whose order is another; as in torchvision's reference. */
  DROP,
  /** They make a smaller batch: every epoch has every image once. */
  KEEP
}
