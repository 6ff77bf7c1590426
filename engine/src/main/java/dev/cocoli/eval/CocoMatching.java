package dev.cocoli.eval;

/** How the images of a results file are found in the ground truth. */
public enum CocoMatching {
  /**
   * By id, or by file name where the id is unknown; that both are known and of different images is
   * an error.
   */
  CHECKED,
  /** By id, whatever the file name is. */
  IMAGE_ID,
  /** By file name, whatever the id is; one without a file name by id. */
  FILE_NAME
}
