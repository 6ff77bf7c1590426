package dev.cocoli.train.rcnn;

import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.Arrays;
import java.util.List;

/**
 * What a network says of an image's regions.
 *
 * @param target the objects
 * @param regions R boxes: the objects first, then the proposals
 * @param width D, numbers a region
 * @param values {@code [R,D]}
 */
record ImageFeatures(Target target, List<Box> regions, int width, float[] values) {

  /** How many of the regions are objects. */
  int objects() {
    return target.labels().length;
  }

  /** The numbers of a region, scaled. */
  float[] row(int region, float scale) {
    float[] row = Arrays.copyOfRange(values, region * width, (region + 1) * width);
    for (int i = 0; i < width; i++) {
      row[i] *= scale;
    }
    return row;
  }

  /** The object of a class that a region overlaps most; -1 if the image has none of it. */
  int nearest(int region, int label) {
    int nearest = -1;
    float most = -1;
    for (int object = 0; object < objects(); object++) {
      float iou = regions.get(region).iou(regions.get(object));
      if (target.labels()[object] == label && iou > most) {
        nearest = object;
        most = iou;
      }
    }
    return nearest;
  }

  /** How much a region overlaps the nearest object of a class; 0 if the image has none of it. */
  float overlap(int region, int label) {
    int object = nearest(region, label);
    return object < 0 ? 0 : regions.get(region).iou(regions.get(object));
  }
}
