package com.example.run;

import dev.cocoli.data.augment.Augmentation;
import dev.cocoli.data.augment.AugmentationContext;
import dev.cocoli.data.augment.Sample;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Target;
import java.awt.geom.AffineTransform;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;

/** A user's augmentation: half of a mosaic, another image of the data set beside this one. */
record SideBySide() implements Augmentation {
  @Override
  public String name() {
    return "side_by_side";
  }

  @Override
  public Sample apply(Sample left, AugmentationContext context) {
    int index = context.random().nextInt(context.imageCount());
    try (left;
        Sample right = context.sample(index)) {
      Sample moved = right.moved(AffineTransform.getTranslateInstance(left.image().width(), 0));
      return new Sample(
          joined(left.image(), right.image()),
          new Target(both(left.target().objects(), moved.target().objects())),
          both(left.proposals(), moved.proposals()));
    }
  }

  private static <T> List<T> both(List<T> left, List<T> right) {
    return Stream.concat(left.stream(), right.stream()).toList();
  }

  private static Image joined(Image left, Image right) {
    int height = Math.max(left.height(), right.height());
    int width = left.width() + right.width();
    byte[] rgb = new byte[3 * height * width];
    copy(left, rgb, width, 0);
    copy(right, rgb, width, left.width());
    return Image.of(height, width, rgb);
  }

  private static void copy(Image image, byte[] rgb, int width, int x) {
    int rowBytes = 3 * image.width();
    for (int y = 0; y < image.height(); y++) {
      MemorySegment.copy(
          image.pixels(),
          (long) y * rowBytes,
          MemorySegment.ofArray(rgb),
          3L * (y * width + x),
          rowBytes);
    }
  }
}
