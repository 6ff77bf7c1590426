package dev.cocoli.detection.head;

/** How a region is cut out of a map. */
public enum RoiPooling {
  /** RoIPool: rounded to whole pixels, the maximum of each bin (Girshick 2015). */
  POOL,
  /** RoIAlign: unrounded, the mean of bilinear samples of each bin (He et al. 2017). */
  ALIGN
}
