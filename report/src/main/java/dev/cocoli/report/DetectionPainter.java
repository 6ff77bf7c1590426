package dev.cocoli.report;

import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.ObjectPart;
import dev.cocoli.structures.Target;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Draws detections on a copy of an image: a box in the colour of its class with a tag of class and
 * score, the outlines of its parts, and the ground truth in dashed lines if it is given. An image
 * that is too small for text is enlarged by an integer factor, so that its pixels stay sharp. On a
 * machine without fonts the boxes have no tags.
 */
public final class DetectionPainter {

  /** An image is enlarged if its longer side is shorter than this, in pixels. */
  private static final int MIN_SIDE = 480;

  private final List<String> classNames;
  private final Optional<String> noLabels = Lettering.problem();

  /**
   * Creates a painter.
   *
   * @param classNames the classes, in the order of their labels; a label without a name is drawn as
   *     a number
   */
  public DetectionPainter(List<String> classNames) {
    this.classNames = List.copyOf(classNames);
  }

  /** {@return why the boxes have no tags: what the machine lacks; empty if it has fonts} */
  public Optional<String> whyNoLabels() {
    return noLabels;
  }

  /**
   * Draws detections.
   *
   * @param image the image; not changed
   * @param detections boxes in pixels of the image, in any order
   * @return a new image, as large or a whole number of times larger
   */
  public BufferedImage paint(BufferedImage image, List<Detection> detections) {
    return paint(image, detections, Target.EMPTY);
  }

  /**
   * Draws detections over the ground truth.
   *
   * @param image the image; not changed
   * @param detections boxes in pixels of the image, in any order
   * @param groundTruth the objects, drawn dashed
   * @return a new image, as large or a whole number of times larger
   */
  public BufferedImage paint(BufferedImage image, List<Detection> detections, Target groundTruth) {
    int side = Math.max(image.getWidth(), image.getHeight());
    int scale = Math.max(1, Math.ceilDiv(MIN_SIDE, side));
    return paint(
        image, image.getWidth() * scale, image.getHeight() * scale, detections, groundTruth);
  }

  /** Draws on a copy of an image that is scaled to the given size. */
  BufferedImage paint(
      BufferedImage image, int width, int height, List<Detection> detections, Target groundTruth) {
    BufferedImage canvas = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = canvas.createGraphics();
    try {
      boolean whole = width % image.getWidth() == 0 && height % image.getHeight() == 0;
      graphics.setRenderingHint(
          RenderingHints.KEY_INTERPOLATION,
          whole
              ? RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR
              : RenderingHints.VALUE_INTERPOLATION_BICUBIC);
      graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      graphics.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      graphics.setRenderingHint(
          RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
      graphics.drawImage(image, 0, 0, width, height, null);
      new Layout(graphics, width, height, image).draw(detections, groundTruth);
    } finally {
      graphics.dispose();
    }
    return canvas;
  }

  private String caption(Detection found) {
    String name =
        found.label() >= 1 && found.label() <= classNames.size()
            ? classNames.get(found.label() - 1)
            : "class " + found.label();
    return String.format(Locale.ROOT, "%s %.2f", name, found.score());
  }

  /** The sizes and positions of what is drawn on one canvas. */
  private final class Layout {

    private final Graphics2D graphics;
    private final int width;
    private final int height;
    private final double scaleX;
    private final double scaleY;
    private final float line;
    private final List<Rectangle2D> tags = new ArrayList<>();

    Layout(Graphics2D graphics, int width, int height, BufferedImage image) {
      this.graphics = graphics;
      this.width = width;
      this.height = height;
      this.scaleX = (double) width / image.getWidth();
      this.scaleY = (double) height / image.getHeight();
      int side = Math.max(width, height);
      this.line = Math.max(2f, side / 320f);
      if (noLabels.isEmpty()) {
        graphics.setFont(Lettering.font(Font.BOLD, Math.max(12f, side / 48f)));
      }
    }

    void draw(List<Detection> detections, Target groundTruth) {
      AffineTransform toCanvas = AffineTransform.getScaleInstance(scaleX, scaleY);
      for (Annotation object : groundTruth.objects()) {
        dashed(place(object.box()));
        object.parts().list().forEach(part -> dashed(place(part, toCanvas)));
      }
      // boxes with higher scores are drawn over those with lower ones
      List<Detection> ordered =
          detections.stream().sorted(Comparator.comparingDouble(Detection::score)).toList();
      for (Detection found : ordered) {
        found.parts().list().forEach(part -> fill(place(part, toCanvas), found.label()));
        Rectangle2D box = place(found.box());
        graphics.setColor(new Color(0, 0, 0, 110));
        graphics.setStroke(new BasicStroke(line + Math.max(1.5f, line / 2)));
        graphics.draw(box);
        graphics.setColor(ClassColours.of(found.label()));
        graphics.setStroke(new BasicStroke(line));
        graphics.draw(box);
      }
      for (Detection found : noLabels.isEmpty() ? ordered.reversed() : List.<Detection>of()) {
        tag(place(found.box()), caption(found), ClassColours.of(found.label()));
      }
    }

    private Rectangle2D place(Box box) {
      // half a line's width inside, so that a box along the image's edge is visible as a whole
      double least = line / 2.0;
      double x1 = Math.clamp(box.x1() * scaleX, least, Math.max(least, width - least));
      double y1 = Math.clamp(box.y1() * scaleY, least, Math.max(least, height - least));
      double x2 = Math.clamp(box.x2() * scaleX, x1, Math.max(x1, width - least));
      double y2 = Math.clamp(box.y2() * scaleY, y1, Math.max(y1, height - least));
      return new Rectangle2D.Double(x1, y1, x2 - x1, y2 - y1);
    }

    private static Shape place(ObjectPart part, AffineTransform toCanvas) {
      return toCanvas.createTransformedShape(part.outline());
    }

    private void fill(Shape part, int label) {
      Color colour = ClassColours.of(label);
      graphics.setColor(new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 90));
      graphics.fill(part);
      graphics.setColor(colour);
      graphics.setStroke(new BasicStroke(Math.max(1f, line / 2)));
      graphics.draw(part);
    }

    private void dashed(Shape shape) {
      float thin = Math.max(1.5f, line * 0.7f);
      float[] dash = {4 * thin, 3 * thin};
      graphics.setStroke(new BasicStroke(thin + 1.5f));
      graphics.setColor(new Color(0, 0, 0, 120));
      graphics.draw(shape);
      graphics.setStroke(
          new BasicStroke(thin, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10, dash, 0));
      graphics.setColor(Color.WHITE);
      graphics.draw(shape);
    }

    /** Draws a tag above the box, below it or inside it: where it covers the fewest other tags. */
    private void tag(Rectangle2D box, String text, Color colour) {
      FontMetrics metrics = graphics.getFontMetrics();
      double padding = metrics.getHeight() * 0.18;
      double w = metrics.stringWidth(text) + 2 * padding;
      double h = metrics.getAscent() + metrics.getDescent() + padding / 2;
      double left = box.getMinX() - line / 2.0;
      double right = box.getMaxX() + line / 2.0 - w;
      double[][] corners = {
        {left, box.getMinY() - h},
        {right, box.getMinY() - h},
        {left, box.getMaxY()},
        {right, box.getMaxY()},
        {left, box.getMinY()},
        {left, box.getMaxY() - h},
      };
      Rectangle2D best = null;
      double bestCost = Double.POSITIVE_INFINITY;
      for (double[] corner : corners) {
        double x = Math.clamp(corner[0], 0, Math.max(0, width - w));
        double y = Math.clamp(corner[1], 0, Math.max(0, height - h));
        Rectangle2D candidate = new Rectangle2D.Double(x, y, w, h);
        double cost = Math.abs(x - corner[0]) + Math.abs(y - corner[1]);
        for (Rectangle2D other : tags) {
          Rectangle2D shared = candidate.createIntersection(other);
          if (shared.getWidth() > 0 && shared.getHeight() > 0) {
            cost += shared.getWidth() * shared.getHeight();
          }
        }
        if (cost < bestCost) {
          bestCost = cost;
          best = candidate;
        }
      }
      tags.add(best);
      graphics.setColor(colour);
      graphics.fill(best);
      graphics.setColor(ClassColours.textOn(colour));
      graphics.drawString(
          text,
          (float) (best.getX() + padding),
          (float) (best.getY() + padding / 4 + metrics.getAscent()));
    }
  }
}
