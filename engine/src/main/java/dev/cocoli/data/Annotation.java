package dev.cocoli.data;

import dev.cocoli.structures.Box;

/**
 * An annotated object of an image.
 *
 * @param box its box, in pixels of the annotated image
 * @param label its class, 1 for the first
 * @param difficult VOC's flag: evaluation counts neither finding nor missing the object
 * @param crowd COCO's {@code iscrowd}: a region of many objects, which training ignores, and in
 *     which evaluation ignores unmatched detections
 * @param area COCO's {@code area} in square pixels (of the mask where there is one), which sorts
 *     objects into small, medium and large; the box's area where the data set has none
 */
public record Annotation(Box box, int label, boolean difficult, boolean crowd, double area) {}
