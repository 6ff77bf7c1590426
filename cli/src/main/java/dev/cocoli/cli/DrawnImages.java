package dev.cocoli.cli;

import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.data.image.Image;
import dev.cocoli.report.DetectionPainter;
import dev.cocoli.report.PngFile;
import dev.cocoli.structures.Detection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Writes images with drawn detections to a folder, each under its own name. */
final class DrawnImages {
  private final DetectionPainter painter;
  private final List<Path> files = new ArrayList<>();

  /**
   * Chooses the file name of each image.
   *
   * @param folder the target folder
   * @param sources the images that will be drawn on; it is an error if one would be overwritten
   * @param classNames the class names of the detections
   */
  DrawnImages(Path folder, List<Path> sources, List<String> classNames) {
    this.painter = new DetectionPainter(classNames);
    Set<String> taken = new HashSet<>();
    for (Path source : sources) {
      Path file = folder.resolve(name(source, taken));
      OutputPaths.requireOther(file, sources);
      files.add(file);
    }
  }

  /** Returns why boxes are drawn without labels on this machine; empty if they are labelled. */
  Optional<String> whyNoLabels() {
    return painter.whyNoLabels();
  }

  /** Draws on one of the images, by its number. */
  void write(int source, Image image, List<Detection> detections) {
    OutputPaths.createFolderOf(files.get(source));
    try {
      PngFile.write(painter.paint(image.toBufferedImage(), detections), files.get(source));
    } catch (IOException e) {
      throw OutputPaths.notWritten(files.get(source), e);
    }
  }

  /** The image's own name; if the name is taken, with a number added. */
  private static String name(Path source, Set<String> taken) {
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
