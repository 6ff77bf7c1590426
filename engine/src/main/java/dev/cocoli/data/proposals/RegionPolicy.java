package dev.cocoli.data.proposals;

/** What to do with a proposed region that cannot be used. */
public enum RegionPolicy {
  /** Throw an exception that names the image and the region. */
  ERROR,
  /** Clip it at the image's edges, and drop it if nothing is left. */
  CLIP
}
