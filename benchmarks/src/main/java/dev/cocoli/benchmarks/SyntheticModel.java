package dev.cocoli.benchmarks;

import dev.cocoli.data.image.Image;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Creates models and inputs for measuring time, where the values of weights and pixels do not
 * matter.
 */
public final class SyntheticModel {
  /** The number of COCO's category ids, without the background. */
  public static final int CLASSES = 90;

  private SyntheticModel() {}

  /** A model with trainable batch norm that does not resize images of the given size. */
  public static ModelSpec spec(String model, ImageSize size) {
    return spec(model, size, Norm.Type.BATCH);
  }

  /** A model with norms of a type that works at the image's own size. */
  public static ModelSpec spec(String model, ImageSize size, Norm.Type norm) {
    List<String> classes = IntStream.rangeClosed(1, CLASSES).mapToObj(i -> "class" + i).toList();
    return ModelSpec.of(model, classes, norm)
        .withConfig(
            c ->
                c.withTransform(
                    t ->
                        t.withSizes(
                            Math.min(size.height(), size.width()),
                            Math.max(size.height(), size.width()))));
  }

  /** An image of noise. */
  public static Image noise(ImageSize size, SplittableRandom random) {
    byte[] rgb = new byte[size.height() * size.width() * 3];
    random.nextBytes(rgb);
    return Image.of(size.height(), size.width(), rgb);
  }

  /** The ground truth of two objects that do not overlap. */
  public static Target twoObjects(ImageSize size) {
    float w = size.width();
    float h = size.height();
    return new Target(
        List.of(
            new Box(0.1f * w, 0.1f * h, 0.4f * w, 0.6f * h),
            new Box(0.5f * w, 0.3f * h, 0.9f * w, 0.8f * h)),
        new int[] {3, 7});
  }
}
