package dev.cocoli.examples;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.synthetic.ShapeScene;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.structures.Target;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A dataset of one's own: images and boxes that a program holds in memory, without any file. Here
 * they are generated; yours may come from a camera or a database.
 */
final class ShapesInMemory implements Dataset {
  /** The side of the images, in pixels. */
  static final int SIDE = 96;

  private final List<ShapeScene> scenes;

  /**
   * Generates images.
   *
   * @param first the number of the first image; datasets of other numbers have other images
   * @param count the number of images
   */
  ShapesInMemory(int first, int count) {
    ShapeScenes generator = new ShapeScenes(ShapeScenesConfig.of(SIDE, SIDE, 7));
    scenes = IntStream.range(first, first + count).mapToObj(generator::scene).toList();
  }

  @Override
  public List<String> classNames() {
    return ShapeScenes.classNames();
  }

  @Override
  public int size() {
    return scenes.size();
  }

  @Override
  public AnnotatedImage get(int index) {
    Target target = scenes.get(index).target();
    String name = "shapes-" + index;
    return new AnnotatedImage(index, name, Path.of(name), SIDE, SIDE, target.objects());
  }

  /** Replaces the default, which decodes the file of the image. */
  @Override
  public Image image(int index) {
    return Image.of(scenes.get(index).image());
  }

  @Override
  public AnnotationReport report() {
    int objects = scenes.stream().mapToInt(scene -> scene.target().labels().length).sum();
    return new AnnotationReport(size(), 0, 0, objects, 0, 0, 0, Map.of(), List.of());
  }
}
