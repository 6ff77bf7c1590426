package com.example.model;

import dev.cocoli.structures.ObjectPart;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.awt.geom.Point2D;

/** A user's part of an object: the point that a robot takes it at. */
record Grip(double x, double y) implements ObjectPart {
  @Override
  public Grip moved(AffineTransform move) {
    Point2D there = move.transform(new Point2D.Double(x, y), null);
    return new Grip(there.getX(), there.getY());
  }

  @Override
  public Shape outline() {
    Path2D cross = new Path2D.Double();
    cross.moveTo(x - 2, y);
    cross.lineTo(x + 2, y);
    cross.moveTo(x, y - 2);
    cross.lineTo(x, y + 2);
    return cross;
  }
}
