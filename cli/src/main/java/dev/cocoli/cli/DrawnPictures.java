package dev.cocoli.cli;

import dev.cocoli.data.image.Picture;
import dev.cocoli.report.DetectionPainter;
import dev.cocoli.report.PngFile;
import dev.cocoli.structures.Detection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Writes pictures with boxes to a folder, each under its own name. */
final class DrawnPictures {
  private final DetectionPainter painter;
  private final List<Path> files = new ArrayList<>();

  /**
   * Decides where each picture goes.
   *
   * @param folder where to
   * @param sources the pictures that will be drawn on; refused if one would be overwritten
   * @param classNames of the detections
   */
  DrawnPictures(Path folder, List<Path> sources, List<String> classNames) {
    this.painter = new DetectionPainter(classNames);
    Set<String> taken = new HashSet<>();
    for (Path source : sources) {
      Path file = folder.resolve(name(source, taken));
      OutputPaths.requireOther(file, sources);
      files.add(file);
    }
  }

  /** Draws on one of the pictures, by its number. */
  void write(int source, Picture picture, List<Detection> detections) {
    try {
      PngFile.write(painter.paint(picture.toBufferedImage(), detections), files.get(source));
    } catch (IllegalStateException e) { // no font
      throw new CommandException(e.getMessage(), e);
    } catch (IOException e) {
      throw OutputPaths.notWritten(files.get(source), e);
    }
  }

  /** The picture's own name; a second one of that name gets a number. */
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
