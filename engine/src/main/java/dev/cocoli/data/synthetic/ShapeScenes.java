package dev.cocoli.data.synthetic;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Generates images of circles, squares, triangles and stars with their boxes. An image depends on
 * the settings and its number alone, so that any of them can be drawn at any time and by any
 * thread.
 */
public final class ShapeScenes {

  private final ShapeScenesConfig config;

  /**
   * Makes a generator.
   *
   * @param config what the images are like
   */
  public ShapeScenes(ShapeScenesConfig config) {
    this.config = config;
  }

  /** {@return the classes, that of label 1 first} */
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
    // splitting by a first draw keeps the streams of neighbouring numbers apart
    long seed = new SplittableRandom(config.seed()).nextLong() + index;
    return new ScenePainter(config, new SplittableRandom(seed).split()).paint();
  }

  /**
   * Writes images as a Pascal VOC folder: JPEGImages, Annotations, and ImageSets/Main with
   * train.txt, val.txt and trainval.txt. Training images are the numbers from 0, validation images
   * the ones after them. Boxes are written as they are, edges counted from 0.
   *
   * @param folder made if it is not there; files of the same names are replaced
   * @param trainCount how many images to train on
   * @param valCount how many images to validate on
   * @throws IOException if a file cannot be written
   */
  public void writeVoc(Path folder, int trainCount, int valCount) throws IOException {
    new VocFolder(folder, config).write(this, trainCount, valCount);
  }
}
