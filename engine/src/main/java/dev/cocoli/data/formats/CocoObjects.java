package dev.cocoli.data.formats;

import dev.cocoli.structures.ObjectParts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The objects of a COCO annotation file as they are written, in its order. */
final class CocoObjects {
  private int size;
  private long[] ids = new long[1024];
  private long[] images = new long[1024];
  private long[] categories = new long[1024];
  private float[] boxes = new float[4 * 1024];
  private double[] areas = new double[1024];
  private boolean[] crowds = new boolean[1024];
  private final Map<Integer, ObjectParts> parts = new HashMap<>();

  void add(
      long id,
      long image,
      long category,
      float[] box,
      double area,
      boolean crowd,
      ObjectParts ofObject) {
    if (size == ids.length) {
      int larger = 2 * size;
      ids = Arrays.copyOf(ids, larger);
      images = Arrays.copyOf(images, larger);
      categories = Arrays.copyOf(categories, larger);
      boxes = Arrays.copyOf(boxes, 4 * larger);
      areas = Arrays.copyOf(areas, larger);
      crowds = Arrays.copyOf(crowds, larger);
    }
    ids[size] = id;
    images[size] = image;
    categories[size] = category;
    System.arraycopy(box, 0, boxes, 4 * size, 4);
    areas[size] = area;
    crowds[size] = crowd;
    if (!ofObject.list().isEmpty()) {
      parts.put(size, ofObject);
    }
    size++;
  }

  int size() {
    return size;
  }

  /** The object's id, or its position in the file counted from 1 if it has none. */
  long number(int index) {
    return ids[index] == CocoFile.NONE ? index + 1 : ids[index];
  }

  long image(int index) {
    return images[index];
  }

  long category(int index) {
    return categories[index];
  }

  /** One number of a box; sides 0 to 3 are x, y, width, height. */
  float box(int index, int side) {
    return boxes[4 * index + side];
  }

  double area(int index) {
    return areas[index];
  }

  boolean crowd(int index) {
    return crowds[index];
  }

  ObjectParts parts(int index) {
    return parts.getOrDefault(index, ObjectParts.NONE);
  }

  /** The indices of each image's objects, in the order of the file. */
  Map<Long, List<Integer>> byImage() {
    Map<Long, List<Integer>> found = new LinkedHashMap<>();
    for (int i = 0; i < size; i++) {
      found.computeIfAbsent(images[i], image -> new ArrayList<>()).add(i);
    }
    return found;
  }
}
