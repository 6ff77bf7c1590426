package dev.cocoli.data.formats;

/** The layout of a data set on disk. */
public enum DatasetFormat {
  /** VOC or COCO, whichever the path looks like. */
  AUTO,
  /** A folder with JPEGImages, Annotations and ImageSets. */
  VOC,
  /** A JSON file beside a folder of images. */
  COCO
}
