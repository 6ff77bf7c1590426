package dev.cocoli.data.synthetic;

import dev.cocoli.structures.Target;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.GradientPaint;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Paints one image from bottom to top: ground, clutter, shapes, more clutter, light, noise. */
final class ScenePainter {

  private static final int PLACEMENT_TRIES = 40;
  private static final int COLOUR_TRIES = 40;

  /** The least distance of a shape's colour from what it covers, in grey levels. */
  private static final double MIN_CONTRAST = 85;

  private final ShapeScenesConfig config;
  private final SplittableRandom random;
  private final BufferedImage image;
  private final Graphics2D graphics;
  private final SceneMap map;
  private final List<Integer> labels = new ArrayList<>();

  ScenePainter(ShapeScenesConfig config, SplittableRandom random) {
    this.config = config;
    this.random = random;
    this.image = new BufferedImage(config.width(), config.height(), BufferedImage.TYPE_INT_RGB);
    this.graphics = image.createGraphics();
    this.map = new SceneMap(config.width(), config.height());
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
  }

  ShapeScene paint() {
    Ground.paint(image, random);
    Clutter clutter = new Clutter(graphics, config.width(), config.height(), random);
    int clutterCount = random.nextInt(config.look().maxClutter() + 1);
    int inFront = clutterCount / 4;
    for (int i = inFront; i < clutterCount; i++) {
      clutter.draw();
    }
    if (random.nextDouble() >= config.emptyShare()) {
      int count = random.nextInt(config.minShapes(), config.maxShapes() + 1);
      for (int i = 0; i < count; i++) {
        addShape();
      }
    }
    for (int i = 0; i < inFront; i++) {
      clutter.drawThin();
    }
    graphics.dispose();
    light();
    return new ShapeScene(
        image, new Target(map.boxes(), labels.stream().mapToInt(Integer::intValue).toArray()));
  }

  private void addShape() {
    ShapeKind kind = ShapeKind.values()[random.nextInt(ShapeKind.values().length)];
    for (int attempt = 0; attempt < PLACEMENT_TRIES; attempt++) {
      // logarithmic: as many radii from 20 to 40 pixels as from 40 to 80
      double radius =
          config.minSize()
              / 2.0
              * StrictMath.pow((double) config.maxSize() / config.minSize(), random.nextDouble());
      double stretch = random.nextDouble(0.85, 1.15);
      AffineTransform place =
          AffineTransform.getTranslateInstance(
              random.nextDouble(config.width()), random.nextDouble(config.height()));
      place.rotate(random.nextDouble(2 * Math.PI));
      place.scale(radius * stretch, radius / stretch);
      Shape shape = kind.outline(place);
      if (map.place(shape, kind.area() * radius * radius, config.minVisible())) {
        labels.add(kind.label());
        draw(kind, shape, radius);
        return;
      }
    }
  }

  private void draw(ShapeKind kind, Shape shape, double radius) {
    Color colour = colourFor(kind, shape.getBounds2D());
    double shadow = radius * random.nextDouble(0.05, 0.16);
    graphics.setColor(new Color(0, 0, 0, 70));
    graphics.fill(
        AffineTransform.getTranslateInstance(shadow, shadow).createTransformedShape(shape));
    Rectangle2D bounds = shape.getBounds2D();
    graphics.setPaint(
        new GradientPaint(
            (float) bounds.getMinX(),
            (float) bounds.getMinY(),
            shade(colour, random.nextDouble(1, 1.2)),
            (float) bounds.getMaxX(),
            (float) bounds.getMaxY(),
            shade(colour, random.nextDouble(0.65, 1))));
    graphics.fill(shape);
    if (random.nextInt(3) == 0) {
      graphics.setColor(shade(colour, random.nextDouble(0.4, 0.7)));
      graphics.setStroke(
          new BasicStroke(
              (float) Math.max(1, radius * 0.08), BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND));
      Shape before = graphics.getClip();
      graphics.clip(shape); // an edge outside the shape would make the object larger than its box
      graphics.draw(shape);
      graphics.setClip(before);
    }
  }

  /** A strong colour of the class that contrasts with what the last placed shape covers. */
  private Color colourFor(ShapeKind kind, Rectangle2D bounds) {
    double hue = (double) kind.ordinal() / ShapeKind.values().length;
    double[] covered = new double[3];
    int count = 0;
    int right = Math.min(config.width(), (int) Math.ceil(bounds.getMaxX()));
    int bottom = Math.min(config.height(), (int) Math.ceil(bounds.getMaxY()));
    for (int y = Math.max(0, (int) bounds.getMinY()); y < bottom; y++) {
      for (int x = Math.max(0, (int) bounds.getMinX()); x < right; x++) {
        if (map.showsLast(x, y)) {
          int rgb = image.getRGB(x, y);
          covered[0] += rgb >> 16 & 255;
          covered[1] += rgb >> 8 & 255;
          covered[2] += rgb & 255;
          count++;
        }
      }
    }
    Color best = Color.BLACK;
    double bestContrast = -1;
    for (int attempt = 0; attempt < COLOUR_TRIES && bestContrast < MIN_CONTRAST; attempt++) {
      Color colour =
          Color.getHSBColor(
              (float) (hue + config.look().hueSpread() * (random.nextDouble() - 0.5)),
              (float) random.nextDouble(0.5, 1),
              (float) random.nextDouble(0.45, 1));
      double r = colour.getRed() - covered[0] / count;
      double g = colour.getGreen() - covered[1] / count;
      double b = colour.getBlue() - covered[2] / count;
      double contrast = Math.sqrt(r * r + g * g + b * b);
      if (contrast > bestContrast) {
        bestContrast = contrast;
        best = colour;
      }
    }
    return best;
  }

  private static Color shade(Color colour, double factor) {
    return new Color(
        (int) Math.min(255, colour.getRed() * factor),
        (int) Math.min(255, colour.getGreen() * factor),
        (int) Math.min(255, colour.getBlue() * factor));
  }

  /** Adds light that falls off to one side and to the corners, and the grain of a sensor. */
  private void light() {
    double brightness = random.nextDouble(0.82, 1.12);
    double angle = random.nextDouble(2 * Math.PI);
    double slope = random.nextDouble(0.35);
    double dx = slope * StrictMath.cos(angle);
    double dy = slope * StrictMath.sin(angle);
    double corners = random.nextDouble(0.18);
    double noise = random.nextDouble() * config.look().maxNoise();
    int width = config.width();
    int height = config.height();
    int[] pixels = pixels(image);
    for (int y = 0; y < height; y++) {
      double v = 2 * (y + 0.5) / height - 1;
      for (int x = 0; x < width; x++) {
        double u = 2 * (x + 0.5) / width - 1;
        double gain = brightness * (1 + (dx * u + dy * v) / 2 - corners * (u * u + v * v) / 2);
        long bits = random.nextLong();
        int rgb = pixels[y * width + x];
        int red = level((rgb >> 16 & 255) * gain + noise * bell(bits));
        int green = level((rgb >> 8 & 255) * gain + noise * bell(bits >>> 21));
        int blue = level((rgb & 255) * gain + noise * bell(bits >>> 42));
        pixels[y * width + x] = red << 16 | green << 8 | blue;
      }
    }
  }

  /** The pixel array itself, because getRGB and setRGB take longer than the painting. */
  static int[] pixels(BufferedImage image) {
    return ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
  }

  /**
   * Draws from about a normal distribution of deviation 1: the sum of three numbers of seven bits,
   * which deviates by 64.
   */
  private static double bell(long bits) {
    return ((bits & 127) + (bits >> 7 & 127) + (bits >> 14 & 127) - 190.5) / 64;
  }

  private static int level(double value) {
    return (int) Math.clamp(Math.round(value), 0L, 255L);
  }
}
