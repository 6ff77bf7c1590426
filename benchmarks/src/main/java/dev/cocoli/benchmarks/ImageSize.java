package dev.cocoli.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * Height and width of an image.
 *
 * @param height in pixels
 * @param width in pixels
 */
public record ImageSize(int height, int width) {

  /**
   * {@return the size written as {@code 800x1088}: height x width}
   *
   * @param text the text
   * @throws IllegalArgumentException if it is not a size
   */
  public static ImageSize parse(String text) {
    if (!text.matches("[1-9]\\d{0,4}x[1-9]\\d{0,4}")) {
      throw new IllegalArgumentException(
          "no size of an image: '" + text + "'; it is HEIGHTxWIDTH, such as 800x1088");
    }
    String[] sides = text.split("x");
    return new ImageSize(Integer.parseInt(sides[0]), Integer.parseInt(sides[1]));
  }

  /** {@return the size after padding to multiples of 32, as a backbone gets it} */
  public ImageSize padded() {
    return new ImageSize(Math.ceilDiv(height, 32) * 32, Math.ceilDiv(width, 32) * 32);
  }

  /**
   * {@return the sides of the five maps of a feature pyramid, finest first: {@code {height,
   * width}}}
   */
  public List<long[]> maps() {
    long mapHeight = Math.ceilDiv(padded().height, 4);
    long mapWidth = Math.ceilDiv(padded().width, 4);
    List<long[]> maps = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      maps.add(new long[] {mapHeight, mapWidth});
      mapHeight = Math.ceilDiv(mapHeight, 2);
      mapWidth = Math.ceilDiv(mapWidth, 2);
    }
    return maps;
  }

  @Override
  public String toString() {
    return height + "x" + width;
  }
}
