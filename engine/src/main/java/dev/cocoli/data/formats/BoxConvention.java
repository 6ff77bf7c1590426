package dev.cocoli.data.formats;

/** The meaning of the numbers of a VOC box. */
public enum BoxConvention {

  /**
   * The numbers are edges, from 0 to the width. torchvision reads all VOC files like this; the
   * default.
   */
  AS_WRITTEN,

  /**
   * The numbers are pixels counted from 1, both ends included, as in the original PASCAL VOC files.
   * {@code xmin} and {@code ymin} are lowered by one, which makes them edges (Detectron2's {@code
   * load_voc_instances} does the same): a box from 1 to the width is the whole image.
   */
  ONE_BASED
}
