package dev.cocoli.examples;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.augment.Augmentation;
import dev.cocoli.data.augment.AugmentationContext;
import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.data.augment.Sample;
import dev.cocoli.data.image.Image;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import java.awt.geom.AffineTransform;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;

/**
 * Trains with an augmentation of one's own, after one of the library's: {@code OwnAugmentation
 * RUN_FOLDER IMAGES EPOCHS}.
 */
final class OwnAugmentation {
  private OwnAugmentation() {}

  /**
   * Mirrors an image top to bottom, and its objects with it: for images without a natural up, such
   * as those of a microscope.
   *
   * @param probability the probability of that, 0 to 1
   */
  record VerticalFlip(double probability) implements Augmentation {
    @Override
    public String name() {
      return "vertical_flip";
    }

    @Override
    public Map<String, String> settings() {
      return Map.of("probability", "" + probability);
    }

    @Override
    public Sample apply(Sample sample, AugmentationContext context) {
      if (context.random().nextDouble() >= probability) {
        return sample;
      }
      int height = sample.image().height();
      flip(sample.image());
      return sample.moved(new AffineTransform(1, 0, 0, -1, 0, height));
    }

    private static void flip(Image image) {
      MemorySegment pixels = image.pixels();
      long rowBytes = 3L * image.width();
      MemorySegment kept = MemorySegment.ofArray(new byte[(int) rowBytes]);
      for (int above = 0, below = image.height() - 1; above < below; above++, below--) {
        MemorySegment first = pixels.asSlice(above * rowBytes, rowBytes);
        MemorySegment second = pixels.asSlice(below * rowBytes, rowBytes);
        kept.copyFrom(first);
        first.copyFrom(second);
        second.copyFrom(kept);
      }
    }
  }

  static void main(String[] args) {
    Dataset data = new ShapesInMemory(0, Integer.parseInt(args[1]));
    TrainConfig config =
        TrainConfig.DEFAULT
            .withEpochs(Integer.parseInt(args[2]))
            .withBatch(2)
            .withData(d -> d.withAugmentations(new HorizontalFlip(0.5), new VerticalFlip(0.5)));
    TrainingRun run = TrainingRun.of(SmallModel.of(data), data, config, Path.of(args[0]));
    try (Backend backend = Backends.open(Device.CPU)) {
      System.out.println(new Trainer(run, backend, TrainingListener.NONE).start().summary());
    }
  }
}
