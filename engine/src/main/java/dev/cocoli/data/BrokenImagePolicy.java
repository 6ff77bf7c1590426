package dev.cocoli.data;

/**
 * What a {@link DataLoader} does with an image that cannot be decoded, which shows only in the
 * middle of an epoch.
 */
public enum BrokenImagePolicy {

  /** {@link Epoch#next} throws, with a message that names the file. */
  ERROR,

  /**
   * The image is skipped. In training, the next image of the epoch's order that can be decoded
   * takes its place (and is seen twice), so that batches keep their size and a resumed run its
   * numbers. In a pass for evaluation the image is left out. Each file is reported once. The
   * default.
   */
  SKIP
}
