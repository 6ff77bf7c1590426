package dev.cocoli.train.rcnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The machines separate, mine hard background, and leave out what overlaps an object. */
class SvmTrainerTest {
  private static final int WIDTH = 6;
  private static final Box OBJECT = new Box(0, 0, 10, 10);

  /** One object of class 1 and many regions; class 2 has no object. */
  private static ImageFeatures image(Random random, int background, float overlapping) {
    List<Box> regions = new ArrayList<>(List.of(OBJECT));
    float[] values = new float[(background + 2) * WIDTH];
    fill(values, 0, random, 3);
    for (int i = 1; i <= background; i++) {
      regions.add(new Box(50, 50, 60, 60));
      fill(values, i, random, -3);
    }
    regions.add(new Box(1, 1, 11, 11)); // IoU 0.68: neither object nor background
    fill(values, background + 1, random, overlapping);
    return new ImageFeatures(new Target(List.of(OBJECT), new int[] {1}), regions, WIDTH, values);
  }

  private static void fill(float[] values, int region, Random random, float first) {
    for (int d = 0; d < WIDTH; d++) {
      values[region * WIDTH + d] = (float) random.nextGaussian() + (d == 0 ? first : 0);
    }
  }

  @Test
  void separatesObjectsFromBackgroundAndIgnoresWhatLiesBetween() {
    Random random = new Random(3);
    List<ImageFeatures> images = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      // overlapping regions look like background with large features, and would pull were they
      // taken
      images.add(image(random, 150, 30));
    }
    SvmTrainer trainer = new SvmTrainer(List.of("a", "b"), WIDTH, 0.1, 0.3f);
    images.forEach(one -> trainer.addObjects(one, 1));
    images.forEach(one -> trainer.addBackground(one, 1));
    List<String> warnings = new ArrayList<>();
    LinearModels machines = trainer.finish(warnings::add);
    int wrong = 0;
    for (ImageFeatures one : images) {
      wrong += machines.at(0, one.row(0, 1)) > 0 ? 0 : 1;
      for (int region = 1; region <= 150; region++) {
        wrong += machines.at(0, one.row(region, 1)) < 0 ? 0 : 1;
      }
    }
    // two Gaussians six deviations apart: an expected 0.13 % lie on the other's side
    assertTrue(wrong < 30 * 151 * 0.005, wrong + " regions are on the wrong side");
    assertEquals(1, warnings.size());
    assertTrue(warnings.getFirst().startsWith("class 'b' has no object"), warnings.toString());
    assertEquals(SvmTrainer.NEVER, machines.at(1, new float[WIDTH]));
  }

  @Test
  void theSameRegionsGiveTheSameMachine() {
    LinearModels[] found = new LinearModels[2];
    for (int i = 0; i < 2; i++) {
      SvmTrainer trainer = new SvmTrainer(List.of("a"), WIDTH, 0.1, 0.3f);
      ImageFeatures one = image(new Random(4), 200, 0);
      trainer.addObjects(one, 0.5f);
      trainer.addBackground(one, 0.5f);
      found[i] = trainer.finish(warning -> {});
    }
    assertArrayEquals(found[0].weight(), found[1].weight());
  }

  @Test
  void anObjectWithoutBackgroundIsNamed() {
    SvmTrainer trainer = new SvmTrainer(List.of("a"), WIDTH, 0.1, 0.3f);
    ImageFeatures one = image(new Random(4), 0, 0);
    trainer.addObjects(one, 1);
    trainer.addBackground(one, 1);
    List<String> warnings = new ArrayList<>();
    assertEquals(SvmTrainer.NEVER, trainer.finish(warnings::add).bias()[0]);
    assertTrue(warnings.getFirst().contains("no background"), warnings.toString());
  }
}
