package dev.cocoli.examples;

import dev.cocoli.Detector;
import dev.cocoli.report.DetectionPainter;
import dev.cocoli.report.PngFile;
import dev.cocoli.structures.Detection;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;

/**
 * Prints what a trained detector finds on an image, and draws it: {@code Detect best.safetensors
 * street.jpg drawn.png}.
 */
final class Detect {
  private Detect() {}

  static void main(String[] args) throws IOException {
    Path weights = Path.of(args[0]);
    BufferedImage image = ImageIO.read(Path.of(args[1]).toFile());
    try (Detector detector = Detector.open(weights)) {
      List<Detection> detections = detector.detect(image);
      for (Detection found : detections) {
        System.out.println(found.className() + " " + found.score() + " " + found.box());
      }
      DetectionPainter painter = new DetectionPainter(detector.spec().classNames());
      PngFile.write(painter.paint(image, detections), Path.of(args[2]));
    }
  }
}
