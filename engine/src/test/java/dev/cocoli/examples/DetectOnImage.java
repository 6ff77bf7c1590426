package dev.cocoli.examples;

import dev.cocoli.Detector;
import dev.cocoli.structures.Detection;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Counts the objects in an image that is in memory already, for example one that a user sent. */
final class DetectOnImage {
  private DetectOnImage() {}

  static long countSure(Path weights, BufferedImage image) throws IOException {
    try (Detector detector = Detector.open(weights)) {
      List<Detection> found = detector.detect(image);
      return found.stream().filter(object -> object.score() > 0.5f).count();
    }
  }
}
