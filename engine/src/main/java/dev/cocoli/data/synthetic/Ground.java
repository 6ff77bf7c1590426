package dev.cocoli.data.synthetic;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.util.SplittableRandom;

/** Fills an image with a muted texture: a gradient, clouds, stripes or checks, each with grain. */
final class Ground {

  private enum Texture {
    GRADIENT,
    CLOUDS,
    STRIPES,
    CHECKS
  }

  private static final int LATTICE = 32;

  private final SplittableRandom random;
  private final float[] lattice = new float[LATTICE * LATTICE];

  private Ground(SplittableRandom random) {
    this.random = random;
    for (int i = 0; i < lattice.length; i++) {
      lattice[i] = (float) random.nextDouble();
    }
  }

  static void paint(BufferedImage image, SplittableRandom random) {
    new Ground(random).fill(image);
  }

  private void fill(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    int[] pixels = ScenePainter.pixels(image);
    Texture texture = Texture.values()[random.nextInt(Texture.values().length)];
    float[] from = mutedColour();
    float[] to = mutedColour();
    if (texture == Texture.STRIPES || texture == Texture.CHECKS) {
      mix(to, from, 0.45f); // hard edges everywhere would hide the shapes
    }
    double angle = random.nextDouble(Math.PI);
    double dx = StrictMath.cos(angle);
    double dy = StrictMath.sin(angle);
    double period = random.nextDouble(10, 48);
    double cloudSize = random.nextDouble(0.12, 0.5) * Math.max(width, height);
    double grainSize = random.nextDouble(1.5, 5);
    double grain = random.nextDouble(4, 26);
    double span = Math.abs(dx) * width + Math.abs(dy) * height;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        double along = (x - width / 2.0) * dx + (y - height / 2.0) * dy;
        double across = (y - height / 2.0) * dx - (x - width / 2.0) * dy;
        double fraction =
            switch (texture) {
              case GRADIENT -> 0.5 + along / span + 0.3 * (clouds(x, y, cloudSize) - 0.5);
              case CLOUDS -> clouds(x, y, cloudSize) * 1.6 - 0.3;
              case STRIPES -> 0.5 + soft(along / period) / 2;
              case CHECKS -> 0.5 + soft(along / period) * soft(across / period) / 2;
            };
        double level = grain * (noise(x / grainSize, y / grainSize) - 0.5);
        pixels[y * width + x] = colour(from, to, Math.clamp(fraction, 0, 1), level);
      }
    }
  }

  private static int colour(float[] from, float[] to, double fraction, double level) {
    int rgb = 0;
    for (int c = 0; c < 3; c++) {
      double value = from[c] + (to[c] - from[c]) * fraction + level;
      rgb = rgb << 8 | (int) Math.clamp(Math.round(value), 0L, 255L);
    }
    return rgb;
  }

  /** A wave between -1 and 1 with flat tops: a triangle wave that is clipped. */
  private static double soft(double t) {
    double triangle = 4 * Math.abs(t - Math.floor(t) - 0.5) - 1;
    return Math.clamp(3 * triangle, -1, 1);
  }

  /** Three octaves of noise between 0 and 1. */
  private double clouds(double x, double y, double size) {
    return (4 * noise(x / size, y / size)
            + 2 * noise(2 * x / size + 7.3, 2 * y / size + 3.1)
            + noise(4 * x / size + 1.7, 4 * y / size + 9.2))
        / 7;
  }

  /** Lattice values between 0 and 1, smoothly interpolated. */
  private double noise(double x, double y) {
    int x0 = (int) Math.floor(x);
    int y0 = (int) Math.floor(y);
    double fx = smooth(x - x0);
    double fy = smooth(y - y0);
    double top = at(x0, y0) + (at(x0 + 1, y0) - at(x0, y0)) * fx;
    double bottom = at(x0, y0 + 1) + (at(x0 + 1, y0 + 1) - at(x0, y0 + 1)) * fx;
    return top + (bottom - top) * fy;
  }

  private double at(int x, int y) {
    return lattice[Math.floorMod(y, LATTICE) * LATTICE + Math.floorMod(x, LATTICE)];
  }

  private static double smooth(double t) {
    return t * t * (3 - 2 * t);
  }

  private float[] mutedColour() {
    int rgb =
        Color.HSBtoRGB(
            (float) random.nextDouble(),
            (float) random.nextDouble(0.05, 0.45),
            (float) random.nextDouble(0.25, 0.92));
    return new float[] {rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255};
  }

  /**
   * Mixes a colour with another one; {@code left} is the fraction of the way that remains to the
   * other.
   */
  private static void mix(float[] colour, float[] towards, float left) {
    for (int c = 0; c < 3; c++) {
      colour[c] = towards[c] + (colour[c] - towards[c]) * left;
    }
  }
}
