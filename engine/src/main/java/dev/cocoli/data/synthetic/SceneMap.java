package dev.cocoli.data.synthetic;

import dev.cocoli.structures.Box;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Records which shape is on top at each pixel, so that occlusion and boxes are measured exactly.
 * Shape numbers start at 1; 0 is the ground.
 */
final class SceneMap {

  /** The largest IoU of two shapes' boxes; beyond it NMS would remove one of them. */
  private static final double MAX_BOX_IOU = 0.35;

  private final int width;
  private final int height;
  private final byte[] owner;
  private final BufferedImage stencil;
  private final byte[] stencilPixels;
  private final List<Double> fullAreas = new ArrayList<>();

  SceneMap(int width, int height) {
    this.width = width;
    this.height = height;
    this.owner = new byte[width * height];
    this.stencil = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
    this.stencilPixels = ((DataBufferByte) stencil.getRaster().getDataBuffer()).getData();
  }

  /**
   * Places a shape on top if the given fraction of it, and of every shape that it hides, stays
   * visible.
   *
   * @param fullArea its area in pixels, including the part outside of the image
   * @return whether it was placed
   */
  boolean place(Shape shape, double fullArea, double minVisible) {
    Graphics2D graphics = stencil.createGraphics();
    graphics.setColor(Color.BLACK);
    graphics.fillRect(0, 0, width, height);
    graphics.setColor(Color.WHITE);
    graphics.fill(shape);
    graphics.dispose();
    int number = fullAreas.size() + 1;
    byte[] after = owner.clone();
    for (int i = 0; i < after.length; i++) {
      if (stencilPixels[i] != 0) {
        after[i] = (byte) number;
      }
    }
    fullAreas.add(fullArea);
    if (!allVisible(after, minVisible) || boxesCollide(after)) {
      fullAreas.remove(number - 1);
      return false;
    }
    System.arraycopy(after, 0, owner, 0, owner.length);
    return true;
  }

  /** The smallest box around the visible pixels of each shape, from edge to edge. */
  List<Box> boxes() {
    return boxes(owner);
  }

  /** Whether the shape that was placed last is on top at a pixel. */
  boolean showsLast(int x, int y) {
    return owner[y * width + x] == (byte) fullAreas.size();
  }

  private boolean allVisible(byte[] map, double minVisible) {
    int[] visible = new int[fullAreas.size() + 1];
    for (byte number : map) {
      visible[number & 255]++;
    }
    for (int number = 1; number < visible.length; number++) {
      // tolerates a pixel's width, because the area is exact and the pixels are not
      if (visible[number] + Math.sqrt(fullAreas.get(number - 1)) / 4
              < minVisible * fullAreas.get(number - 1)
          || visible[number] == 0) {
        return false;
      }
    }
    return true;
  }

  private boolean boxesCollide(byte[] map) {
    List<Box> boxes = boxes(map);
    Box newest = boxes.getLast();
    for (Box other : boxes.subList(0, boxes.size() - 1)) {
      if (iou(newest, other) > MAX_BOX_IOU) {
        return true;
      }
    }
    return false;
  }

  private List<Box> boxes(byte[] map) {
    int count = fullAreas.size();
    int[] x1 = new int[count + 1];
    int[] y1 = new int[count + 1];
    int[] x2 = new int[count + 1];
    int[] y2 = new int[count + 1];
    Arrays.fill(x1, width);
    Arrays.fill(y1, height);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int number = map[y * width + x] & 255;
        x1[number] = Math.min(x1[number], x);
        y1[number] = Math.min(y1[number], y);
        x2[number] = Math.max(x2[number], x + 1);
        y2[number] = Math.max(y2[number], y + 1);
      }
    }
    List<Box> boxes = new ArrayList<>();
    for (int number = 1; number <= count; number++) {
      boxes.add(new Box(x1[number], y1[number], x2[number], y2[number]));
    }
    return boxes;
  }

  private static double iou(Box a, Box b) {
    double w = Math.min(a.x2(), b.x2()) - Math.max(a.x1(), b.x1());
    double h = Math.min(a.y2(), b.y2()) - Math.max(a.y1(), b.y1());
    if (w <= 0 || h <= 0) {
      return 0;
    }
    return w * h / (a.width() * a.height() + b.width() * b.height() - w * h);
  }
}
