package dev.cocoli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reads the log of a run and plots it. */
class TrainingPlotsTest {

  @TempDir Path folder;

  @Test
  void readsStepsAndEvaluationsOfAResumedAndKilledRun() throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    Files.writeString(
        file,
        """
        {"step":1,"loss_classifier":1.5,"loss_box_reg":0.25,"loss_objectness":0.7,\
        "loss_rpn_box_reg":0.05,"loss":2.5,"lr":0.001,"seconds":1.25,"data_wait_seconds":0.01}
        {"step":2,"loss":9.0}
        {"epoch":1,"step":2,"AP":0.1,"AP50":0.3,"AP75":-1}

        {"step":2,"loss":"NaN","lr":0.002}
        {"message":"something else"}
        {"epoch":1,"step":2,"AP":0.2,"AP50":0.4,"AP75":0.1}
        {"step":3,"lo\
        """);
    TrainingLog log = TrainingLog.read(file);
    assertEquals(2, log.steps().size());
    assertEquals(
        new StepMetrics(1, losses(1.5, 0.25, 0.7, 0.05), 2.5, 0.001, 1.25, 0.01),
        log.steps().get(0));
    assertEquals(2, log.steps().get(1).step());
    assertTrue(Double.isNaN(log.steps().get(1).loss()));
    assertEquals(List.of(new EvaluationMetrics(1, 0.2, 0.4, 0.1)), log.evaluations());
  }

  @Test
  void saysWhichLineIsNotJson() throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    Files.writeString(file, "{\"step\":1,\"lo\n{\"step\":2,\"loss\":1}\n");
    String message = assertThrows(IOException.class, () -> TrainingLog.read(file)).getMessage();
    assertEquals(file + ": line 1 is not JSON", message);
  }

  @Test
  void writesAPlotForWhatThereIs() throws IOException {
    List<StepMetrics> steps = new ArrayList<>();
    for (int i = 1; i <= 60; i++) {
      steps.add(
          new StepMetrics(i, losses(1.0 / i, 0.2, 0.1, i == 9 ? Double.NaN : 0.1), 2, 0.1, 1, 0));
    }
    TrainingPlots.write(new TrainingLog(steps, List.of()), folder);
    BufferedImage plot = ImageIO.read(folder.resolve(TrainingPlots.LOSSES_FILE).toFile());
    assertEquals(1000, plot.getWidth());
    assertTrue(pixelsOf(plot, 0x0072b2) > 300, "the line of loss_classifier");
    assertFalse(Files.exists(folder.resolve(TrainingPlots.AP_FILE)));
    TrainingPlots.write(
        new TrainingLog(List.of(), List.of(new EvaluationMetrics(1, -1, 0.5, 0.25))), folder);
    plot = ImageIO.read(folder.resolve(TrainingPlots.AP_FILE).toFile());
    assertTrue(pixelsOf(plot, 0x0072b2) > 20, "the mark of AP50");
  }

  @Test
  void plotsOnePointManyPointsAndNoNumbers() {
    StepMetrics nothing =
        new StepMetrics(1, losses(Double.NaN, Double.NaN, Double.NaN), Double.NaN, 0, 0, 0);
    assertEquals(600, TrainingPlots.losses(List.of(nothing)).getHeight());
    assertEquals(
        600,
        TrainingPlots.averagePrecision(List.of(new EvaluationMetrics(1, -1, -1, -1))).getHeight());
    List<StepMetrics> steps = new ArrayList<>();
    for (int i = 0; i < 3000; i++) {
      double loss = i == 700 ? Double.POSITIVE_INFINITY : 3.0 / (1 + i);
      steps.add(new StepMetrics(20 * i, losses(loss, loss, loss, loss), 4 * loss, 0, 0, 0));
    }
    assertEquals(600, TrainingPlots.losses(steps).getHeight());
    assertThrows(IllegalArgumentException.class, () -> TrainingPlots.losses(List.of()));
    assertThrows(IllegalArgumentException.class, () -> TrainingPlots.averagePrecision(List.of()));
  }

  @Test
  void undefinedValuesAreLeftOutAndASpikeEndsAtTheTop() {
    assertSame(apPlot(Double.NaN), apPlot(-1));
    assertNotEquals(List.of(), differences(apPlot(0.3), apPlot(-1)));
    assertSame(lossPlot(Double.NaN), lossPlot(Double.NEGATIVE_INFINITY));
    assertSame(lossPlot(1e6), lossPlot(1e7));
  }

  @Test
  void aShortRunIsPlottedAsHighAsItBegan() {
    assertNotEquals(List.of(), differences(shortRun(6), shortRun(4)));
  }

  private static BufferedImage shortRun(double first) {
    return TrainingPlots.losses(
        List.of(
            new StepMetrics(10, losses(1, 1, 1, 1), first, 0, 0, 0),
            new StepMetrics(20, losses(1, 1, 1, 1), 2, 0, 0, 0)));
  }

  /** Under the names of Faster R-CNN; a log may have some of them only. */
  private static Map<String, Double> losses(double... values) {
    List<String> names =
        List.of("loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg");
    Map<String, Double> losses = new LinkedHashMap<>();
    for (int i = 0; i < values.length; i++) {
      losses.put(names.get(i), values[i]);
    }
    return losses;
  }

  private static BufferedImage apPlot(double ap75) {
    return TrainingPlots.averagePrecision(
        List.of(new EvaluationMetrics(1, 0.4, 0.6, ap75), new EvaluationMetrics(2, 0.5, 0.7, 0.4)));
  }

  private static BufferedImage lossPlot(double spike) {
    List<StepMetrics> steps = new ArrayList<>();
    for (int i = 1; i <= 200; i++) {
      steps.add(new StepMetrics(i, losses(1, 1, 1, i == 50 ? spike : 1), 4, 0, 0, 0));
    }
    return TrainingPlots.losses(steps);
  }

  private static void assertSame(BufferedImage expected, BufferedImage actual) {
    assertEquals(List.of(), differences(expected, actual));
  }

  /** The first pixel that differs. */
  private static List<String> differences(BufferedImage a, BufferedImage b) {
    for (int y = 0; y < a.getHeight(); y++) {
      for (int x = 0; x < a.getWidth(); x++) {
        if (a.getRGB(x, y) != b.getRGB(x, y)) {
          return List.of("pixel " + x + ", " + y);
        }
      }
    }
    return List.of();
  }

  private static int pixelsOf(BufferedImage image, int colour) {
    int count = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        count += (image.getRGB(x, y) & 0xffffff) == colour ? 1 : 0;
      }
    }
    return count;
  }
}
