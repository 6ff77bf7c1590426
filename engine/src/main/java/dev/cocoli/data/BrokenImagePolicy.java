package dev.cocoli.data;

/**
 * What a {@link DataLoader} does with an image that cannot be decoded, which only shows in the
 * middle of an epoch.
 */
public enum BrokenImagePolicy {

  /** {@link Epoch#next} throws, with a message that names the file. */
  ERROR,

  /**
   * Training goes on with the next image of the epoch's order that can be decoded in its place
   * (which is then seen twice), so that batches keep their size and a resumed run its numbers; in a
   * pass for scoring the image is left out. Each file is reported once. The default.
   */
  SKIP
}
