package dev.cocoli.cli;

import dev.cocoli.Detector;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.report.DetectionSheet;
import dev.cocoli.report.PngFile;
import dev.cocoli.structures.Detection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Draws a detector's detections on some images of a data set, together with the ground truth. */
final class ValidationSheet {
  private static final int COLUMNS = 4;
  private static final int IMAGES = 12;

  private ValidationSheet() {}

  /** Takes images spread evenly over the data set; leaves out those that cannot be decoded. */
  static void write(Detector detector, Dataset data, Path file) throws IOException {
    List<DetectionSheet.Entry> entries = new ArrayList<>();
    int count = Math.min(IMAGES, data.size());
    for (int i = 0; i < count; i++) {
      int index = (int) ((long) i * data.size() / count);
      AnnotatedImage annotated = data.get(index);
      try (Image image = data.image(index)) {
        List<Detection> found = detector.detect(image);
        entries.add(
            new DetectionSheet.Entry(
                image.toBufferedImage(), found, annotated.target(), annotated.fileName()));
      } catch (ImageDecodeException e) {
        continue; // the evaluation has reported it
      }
    }
    if (!entries.isEmpty()) {
      String title = "Images that the run is scored on";
      DetectionSheet sheet = new DetectionSheet(data.classNames(), COLUMNS);
      PngFile.write(sheet.paint(title, entries), file);
    }
  }
}
