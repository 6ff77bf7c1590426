package dev.cocoli.data.synthetic;

import java.awt.AlphaComposite;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RadialGradientPaint;
import java.awt.geom.AffineTransform;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.util.SplittableRandom;

/** Draws clutter, which is no object: thin curves, crosses, outlines, soft spots and specks. */
final class Clutter {

  private final Graphics2D graphics;
  private final int width;
  private final int height;
  private final SplittableRandom random;

  Clutter(Graphics2D graphics, int width, int height, SplittableRandom random) {
    this.graphics = graphics;
    this.width = width;
    this.height = height;
    this.random = random;
  }

  /** Draws one piece of clutter at a random place. */
  void draw() {
    draw(random.nextInt(5));
  }

  /** Draws a curve or a cross, which hide almost nothing of what is behind them. */
  void drawThin() {
    draw(random.nextInt(2));
  }

  private void draw(int what) {
    int rgb =
        Color.HSBtoRGB(
            (float) random.nextDouble(),
            (float) random.nextDouble(0.1, 0.9),
            (float) random.nextDouble(0.1, 1));
    graphics.setColor(new Color(rgb));
    double scale = Math.min(width, height) / 192.0;
    graphics.setStroke(
        new BasicStroke(
            (float) (random.nextDouble(0.8, 2.4) * Math.max(1, scale)),
            BasicStroke.CAP_ROUND,
            BasicStroke.JOIN_ROUND));
    double x = random.nextDouble(width);
    double y = random.nextDouble(height);
    double size = random.nextDouble(6, 22) * scale;
    switch (what) {
      case 0 -> curve(x, y);
      case 1 -> cross(x, y, size);
      case 2 -> outline(x, y, size);
      case 3 -> spot(x, y, 2.5 * size);
      default -> specks(x, y, 2 * size, scale);
    }
  }

  private void curve(double x, double y) {
    Path2D path = new Path2D.Double();
    path.moveTo(x, y);
    path.curveTo(
        random.nextDouble(width),
        random.nextDouble(height),
        random.nextDouble(width),
        random.nextDouble(height),
        random.nextDouble(width),
        random.nextDouble(height));
    graphics.draw(path);
  }

  private void cross(double x, double y, double size) {
    double angle = random.nextDouble(Math.PI);
    double dx = size * StrictMath.cos(angle);
    double dy = size * StrictMath.sin(angle);
    graphics.draw(new Line2D.Double(x - dx, y - dy, x + dx, y + dy));
    graphics.draw(new Line2D.Double(x + dy, y - dx, x - dy, y + dx));
  }

  /** Draws the outline of a shape. It is no object, because objects are filled. */
  private void outline(double x, double y, double size) {
    AffineTransform place = AffineTransform.getTranslateInstance(x, y);
    place.rotate(random.nextDouble(2 * Math.PI));
    place.scale(size, size);
    ShapeKind kind = ShapeKind.values()[random.nextInt(ShapeKind.values().length)];
    graphics.draw(kind.outline(place));
  }

  private void spot(double x, double y, double radius) {
    Color colour = graphics.getColor();
    Color clear = new Color(colour.getRGB() & 0xffffff, true);
    graphics.setPaint(
        new RadialGradientPaint(
            (float) x, (float) y, (float) radius, new float[] {0, 1}, new Color[] {colour, clear}));
    graphics.setComposite(AlphaComposite.SrcOver.derive(0.55f));
    graphics.fill(new Ellipse2D.Double(x - radius, y - radius, 2 * radius, 2 * radius));
    graphics.setComposite(AlphaComposite.SrcOver);
  }

  private void specks(double x, double y, double spread, double scale) {
    int count = random.nextInt(6, 24);
    for (int i = 0; i < count; i++) {
      double size = random.nextDouble(1, 3) * scale;
      double sx = x + random.nextDouble(-spread, spread);
      double sy = y + random.nextDouble(-spread, spread);
      graphics.fill(new Ellipse2D.Double(sx, sy, size, size));
    }
  }
}
