package dev.cocoli.cli;

import dev.cocoli.data.Picture;
import dev.cocoli.detection.Detection;
import dev.cocoli.report.DetectionPainter;
import dev.cocoli.report.PngFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Writes pictures with boxes to a folder, each under its own name. */
final class DrawnPictures {
  private final Path folder;
  private final DetectionPainter painter;
  private final Set<String> taken = new HashSet<>();

  DrawnPictures(Path folder, List<String> classNames) {
    this.folder = folder;
    this.painter = new DetectionPainter(classNames);
  }

  void write(Path source, Picture picture, List<Detection> detections) throws IOException {
    Path file = folder.resolve(name(source));
    PngFile.write(painter.paint(picture.toBufferedImage(), detections), file);
  }

  /** The picture's own name; a second one of that name gets a number. */
  private String name(Path source) {
    String whole = source.getFileName().toString();
    int dot = whole.lastIndexOf('.');
    String stem = dot > 0 ? whole.substring(0, dot) : whole;
    String name = stem + ".png";
    for (int i = 2; !taken.add(name); i++) {
      name = stem + "-" + i + ".png";
    }
    return name;
  }
}
