package dev.cocoli.data.formats;

/** How the numbers of a VOC box are meant. */
public enum BoxConvention {

  /**
   * As they are written: edges, 0 to width. torchvision takes all VOC files like this; the default.
   */
  AS_WRITTEN,

  /**
   * As the original PASCAL VOC files mean them: pixels counted from 1, both ends inside. {@code
   * xmin} and {@code ymin} are lowered by one, which makes edges of them (Detectron2's {@code
   * load_voc_instances} does the same): a box from 1 to the width is the whole image.
   */
  ONE_BASED
}
