package dev.cocoli.cli;

import dev.cocoli.Detector;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.image.Picture;
import dev.cocoli.report.DetectionSheet;
import dev.cocoli.report.PngFile;
import dev.cocoli.structures.Detection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Draws what a detector finds on some pictures of a data set, beside what is there. */
final class ValidationSheet {
  private static final int COLUMNS = 4;
  private static final int PICTURES = 12;
  private static final float SHOWN_SCORE = 0.5f;

  private ValidationSheet() {}

  /** Takes pictures from all over the data set; leaves out those that cannot be decoded. */
  static void write(Detector detector, Dataset data, Path file) throws IOException {
    List<DetectionSheet.Entry> entries = new ArrayList<>();
    int count = Math.min(PICTURES, data.size());
    for (int i = 0; i < count; i++) {
      AnnotatedImage image = data.get((int) ((long) i * data.size() / count));
      try (Picture picture = new ImageDecoder().decode(image)) {
        List<Detection> found =
            detector.detect(picture).stream().filter(one -> one.score() > SHOWN_SCORE).toList();
        entries.add(
            new DetectionSheet.Entry(
                picture.toBufferedImage(), found, image.target(), image.fileName()));
      } catch (ImageDecodeException e) {
        continue; // the evaluation has named it
      }
    }
    if (!entries.isEmpty()) {
      String title = "Pictures that were not trained on";
      DetectionSheet sheet = new DetectionSheet(data.classNames(), COLUMNS);
      PngFile.write(sheet.paint(title, entries), file);
    }
  }
}
