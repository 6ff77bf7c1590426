package dev.cocoli.data.synthetic;

import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;

/** The classes of objects; label 1 is the first. The outlines lie in the circle of radius 1. */
enum ShapeKind {
  CIRCLE("circle", new Path2D.Double(new Ellipse2D.Double(-1, -1, 2, 2)), Math.PI),
  SQUARE("square", polygon(1, 1, 1, 1), 2),
  TRIANGLE("triangle", polygon(1, 1, 1), 0.75 * StrictMath.sqrt(3)),
  STAR(
      "star",
      polygon(
          1,
          ShapeKind.INNER,
          1,
          ShapeKind.INNER,
          1,
          ShapeKind.INNER,
          1,
          ShapeKind.INNER,
          1,
          ShapeKind.INNER),
      5 * ShapeKind.INNER * StrictMath.sin(Math.PI / 5));

  /** The distance of a star's inner corners from its centre. */
  private static final double INNER = 0.42;

  private final String className;
  private final Path2D outline;
  private final double area;

  ShapeKind(String className, Path2D outline, double area) {
    this.className = className;
    this.outline = outline;
    this.area = area;
  }

  String className() {
    return className;
  }

  int label() {
    return ordinal() + 1;
  }

  Shape outline(AffineTransform transform) {
    return outline.createTransformedShape(transform);
  }

  /** The outline's area, before any transform. */
  double area() {
    return area;
  }

  /** A polygon with corners at equal angles, from the top, at these distances from the centre. */
  private static Path2D polygon(double... radii) {
    Path2D path = new Path2D.Double();
    for (int i = 0; i < radii.length; i++) {
      // StrictMath: the same images on every machine
      double angle = 2 * Math.PI * i / radii.length;
      double x = radii[i] * StrictMath.sin(angle);
      double y = -radii[i] * StrictMath.cos(angle);
      if (i == 0) {
        path.moveTo(x, y);
      } else {
        path.lineTo(x, y);
      }
    }
    path.closePath();
    return path;
  }
}
