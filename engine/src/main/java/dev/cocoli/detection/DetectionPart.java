package dev.cocoli.detection;

/** What the time of a detection goes into. */
public enum DetectionPart {
  /** Finding regions that may hold an object. */
  PROPOSALS,
  /**
   * The convolutional network, the head that scores anchors included: once per image, or in R-CNN
   * once per region.
   */
  FEATURES,
  /** Classifying and refining the regions, suppression, and the download. */
  HEAD
}
