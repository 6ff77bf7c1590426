package dev.cocoli.examples;

import dev.cocoli.Detector;
import dev.cocoli.structures.Detection;
import java.io.IOException;
import java.nio.file.Path;

/** Prints a trained detector's detections on an image file. */
final class DetectOnFile {
  private DetectOnFile() {}

  static void main(String[] args) throws IOException {
    Path weights = Path.of(args[0]);
    Path image = Path.of(args[1]);
    try (Detector detector = Detector.open(weights)) {
      for (Detection found : detector.detect(image)) {
        System.out.println(detector.className(found) + " " + found.score() + " " + found.box());
      }
    }
  }
}
