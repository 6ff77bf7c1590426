package dev.cocoli.data;

import dev.cocoli.structures.Box;

/**
 * An object on an image.
 *
 * @param box where, in pixels of the annotated image
 * @param label which class, 1 for the first
 * @param difficult VOC's flag: scoring neither asks for the object nor punishes its detection
 * @param crowd COCO's {@code iscrowd}: a region of many objects, ignored in training, a place to
 *     forgive detections in scoring
 * @param area COCO's {@code area} in square pixels (of the mask where there is one), which sorts
 *     objects into small, medium and large; the box's area where the data set has none
 */
public record Annotation(Box box, int label, boolean difficult, boolean crowd, double area) {}
