package com.example.model;

import dev.cocoli.data.augment.Augmentation;
import dev.cocoli.data.augment.AugmentationContext;
import dev.cocoli.data.augment.Sample;
import dev.cocoli.data.image.Image;
import java.awt.geom.AffineTransform;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/** A user's augmentation: cuts a part of the image out. */
record RandomCrop(int height, int width) implements Augmentation {
  @Override
  public String name() {
    return "crop";
  }

  @Override
  public Map<String, String> settings() {
    return Map.of("crop_height", "" + height, "crop_width", "" + width);
  }

  @Override
  public Sample apply(Sample sample, AugmentationContext context) {
    try (sample) {
      int x = context.random().nextInt(sample.image().width() - width + 1);
      int y = context.random().nextInt(sample.image().height() - height + 1);
      return new Sample(cut(sample.image(), x, y), sample.target(), sample.proposals())
          .moved(AffineTransform.getTranslateInstance(-x, -y))
          .clipped();
    }
  }

  private Image cut(Image image, int x, int y) {
    byte[] rgb = new byte[3 * height * width];
    for (int row = 0; row < height; row++) {
      long from = 3L * ((long) (y + row) * image.width() + x);
      MemorySegment.copy(
          image.pixels(), from, MemorySegment.ofArray(rgb), 3L * row * width, 3L * width);
    }
    return Image.of(height, width, rgb);
  }
}
