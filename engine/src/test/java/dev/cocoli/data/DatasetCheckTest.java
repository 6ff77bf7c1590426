package dev.cocoli.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.Device;
import dev.cocoli.testing.TinyDetectors;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data sets of a program's own are held to the rules of those in files. */
class DatasetCheckTest {
  @TempDir private Path folder;

  /** A data set with no more than it must have. */
  private record Own(List<List<Annotation>> objects, int pixelWidth) implements Dataset {
    @Override
    public List<String> classNames() {
      return List.of("a", "b");
    }

    @Override
    public int size() {
      return objects.size();
    }

    @Override
    public AnnotatedImage get(int index) {
      return new AnnotatedImage(
          index, "n" + index, Path.of("n" + index), 40, 30, objects.get(index));
    }

    @Override
    public Image image(int index) {
      return TinyDetectors.noise(30, pixelWidth, index);
    }
  }

  private static Annotation object(float x1, float y1, float x2, float y2, int label) {
    return new Annotation(new Box(x1, y1, x2, y2), label, false, false, 100);
  }

  @Test
  void theReportHasADefault() {
    Own data = new Own(List.of(List.of(object(1, 1, 9, 9, 1), object(30, 1, 44, 9, 2))), 40);
    AnnotationReport report = data.report();
    assertEquals(1, report.images());
    assertEquals(2, report.objects());
    assertEquals(1, report.counts().get(AnnotationReport.Problem.PARTLY_OUTSIDE));
    DatasetCheck.require("it", data); // such a box can be trained on, as in files
  }

  @Test
  void whatCannotBeTrainedOnIsNamedBeforeTrainingStarts() {
    List<Annotation> good = List.of(object(1, 1, 9, 9, 1));
    assertRefused("image 1 (n1): object 2 (label 3): its label is none of 1 to 2", good, 3, 1, 9);
    assertRefused("image 1 (n1): object 2 (label 0): its label is none of 1 to 2", good, 0, 1, 9);
    assertRefused("image 1 (n1): object 2 (b): the box [9, 1, 9, 9] has no area", good, 2, 9, 9);
    assertRefused(
        "image 1 (n1): object 2 (b): the box [50, 1, 60, 9] is outside the image of 40 x 30",
        good,
        2,
        50,
        60);
    assertRefused(
        "image 1 (n1): object 2 (b): the box [NaN, 1, 9, 9] is not four numbers",
        good,
        2,
        Float.NaN,
        9);
  }

  /** Boxes that cross an edge are noted too, and may be many. */
  @Test
  void whatCannotBeTrainedOnIsNamedAmongThousandsOfNotes() {
    List<List<Annotation>> objects = new ArrayList<>();
    for (int i = 0; i < 1500; i++) {
      objects.add(List.of(object(30, 1, 44, 9, 1)));
    }
    objects.add(List.of(object(1, 1, 9, 9, 3)));
    DataException e =
        assertThrows(DataException.class, () -> DatasetCheck.require("it", new Own(objects, 40)));
    assertEquals(
        "it: 1 annotation cannot be trained on: image 1500 (n1500): object 1 (label 3): its label"
            + " is none of 1 to 2",
        e.getMessage());
    AnnotationReport report = new Own(objects, 40).report();
    assertEquals(AnnotationReport.MOST_FINDINGS, report.findings().size());
    assertEquals(1500, report.counts().get(AnnotationReport.Problem.PARTLY_OUTSIDE));
  }

  private void assertRefused(String message, List<Annotation> good, int label, float x1, float x2) {
    List<Annotation> bad = new ArrayList<>(good);
    bad.add(object(x1, 1, x2, 9, label));
    Own data = new Own(List.of(good, bad, good), 40);
    Path out = folder.resolve("run");
    TrainConfig config = TrainConfig.DEFAULT.withBatch(1);
    TrainingRun run = TrainingRun.of(TinyDetectors.SPEC, data, config, out);
    try (Backend backend = Backends.open(Device.CPU)) {
      Trainer trainer = new Trainer(run, backend, TrainingListener.NONE);
      DataException e = assertThrows(DataException.class, trainer::start);
      assertEquals(
          "the training data: 1 annotation cannot be trained on: " + message, e.getMessage());
    }
    assertFalse(Files.exists(out));
  }

  @Test
  void pixelsOfAnotherSizeStopTheLoader() {
    Own data = new Own(List.of(List.of(object(1, 1, 9, 9, 1))), 20);
    try (DataLoader loader = new DataLoader(data, DataLoaderConfig.of(1), warning -> {});
        Epoch epoch = loader.inOrder()) {
      DataException e = assertThrows(DataException.class, epoch::next);
      assertEquals(
          "image 0 (n0): its pixels are 20 x 30, its annotations are for 40 x 30", e.getMessage());
    }
  }

  @Test
  void imagesInMemoryComeAsBytesAndBufferedImages() throws IOException {
    BufferedImage buffered;
    try (Image image = TinyDetectors.noise(30, 40, 1)) {
      buffered = image.toBufferedImage();
    }
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(buffered, "png", png);
    List<Annotation> objects = List.of(object(1, 1, 9, 9, 2));
    Dataset data =
        new InMemoryDataset(
            List.of("a", "b"),
            List.of(
                InMemoryDataset.Entry.of("bytes", png.toByteArray(), objects),
                InMemoryDataset.Entry.of("buffered", buffered, List.of())));
    assertEquals(1, data.report().imagesWithoutObjects());
    assertEquals(40, data.get(0).width());
    try (Image one = data.image(0);
        Image other = data.image(1)) {
      assertArrayEquals(
          one.pixels().toArray(ValueLayout.JAVA_BYTE),
          other.pixels().toArray(ValueLayout.JAVA_BYTE));
    }
    DataException e =
        assertThrows(
            DataException.class,
            () ->
                new InMemoryDataset(
                    List.of("a"),
                    List.of(
                        InMemoryDataset.Entry.of("good", buffered, List.of()),
                        InMemoryDataset.Entry.of("bad", buffered, objects))));
    assertTrue(e.getMessage().contains("image 1 (bad): object 1 (label 2)"), e.getMessage());
    assertThrows(
        ImageDecodeException.class,
        () -> InMemoryDataset.Entry.of("none", new byte[] {1, 2, 3}, List.of()));
  }
}
