package dev.cocoli.data.synthetic;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Generates images of circles, squares, triangles and stars with their boxes. An image depends only
 * on the configuration and its number, so that any image can be drawn at any time and by any
 * thread.
 */
public final class ShapeScenes {

  private final ShapeScenesConfig config;

  /**
   * Creates a generator.
   *
   * @param config the properties of the images
   */
  public ShapeScenes(ShapeScenesConfig config) {
    this.config = config;
  }

  /** {@return the classes, in the order of their labels} */
  public static List<String> classNames() {
    return Arrays.stream(ShapeKind.values()).map(ShapeKind::className).toList();
  }

  /**
   * Draws an image.
   *
   * @param index the number of the image, from 0
   * @return the image and its objects
   */
  public ShapeScene scene(int index) {
    // a first draw from the seed, and a split per image, keep neighbouring streams apart
    long seed = new SplittableRandom(config.seed()).nextLong() + index;
    return new ScenePainter(config, new SplittableRandom(seed).split()).paint();
  }

  /**
   * Writes images as a Pascal VOC folder: JPEGImages, Annotations, and ImageSets/Main with
   * train.txt, val.txt and trainval.txt. Training images are numbered from 0, and validation images
   * follow them. Boxes are written as edges counted from 0.
   *
   * @param folder the folder, created if it does not exist; files of the same names are replaced
   * @param trainCount the number of images to train on
   * @param valCount the number of images to validate on
   * @throws IOException if a file cannot be written
   */
  public void writeVoc(Path folder, int trainCount, int valCount) throws IOException {
    new VocFolder(folder, config).write(this, trainCount, valCount);
  }
}
