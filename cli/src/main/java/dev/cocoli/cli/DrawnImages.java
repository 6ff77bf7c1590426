package dev.cocoli.cli;

import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.data.image.Image;
import dev.cocoli.report.DetectionPainter;
import dev.cocoli.report.PngFile;
import dev.cocoli.structures.Detection;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Writes images with drawn detections to a folder, each under its own name, on a thread of its own:
 * one image is drawn while objects are detected in the next.
 */
final class DrawnImages implements AutoCloseable {
  private final DetectionPainter painter;
  private final List<Path> files = new ArrayList<>();
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          work -> Thread.ofPlatform().name("cocoli-painter").daemon().unstarted(work));
  private CompletableFuture<Void> last = CompletableFuture.completedFuture(null);

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
      files.add(folder.resolve(name(source, taken)));
    }
    OutputPaths.requireOthers(files, sources);
  }

  /** Returns why boxes are drawn without labels on this machine; empty if they are labelled. */
  Optional<String> whyNoLabels() {
    return painter.whyNoLabels();
  }

  /**
   * Begins to draw on one of the images, when the one before is written.
   *
   * @param source the image's number
   * @param image its pixels, which are copied
   * @param detections what to draw
   * @throws CommandException if the one before cannot be written
   */
  void write(int source, Image image, List<Detection> detections) {
    finish();
    BufferedImage pixels = image.toBufferedImage();
    last = CompletableFuture.runAsync(() -> write(source, pixels, detections), thread);
  }

  private void write(int source, BufferedImage pixels, List<Detection> detections) {
    OutputPaths.createFolderOf(files.get(source));
    try {
      PngFile.write(painter.paint(pixels, detections), files.get(source));
    } catch (IOException e) {
      throw OutputPaths.notWritten(files.get(source), e);
    }
  }

  /**
   * Waits until the last image is written.
   *
   * @throws CommandException if it cannot be
   */
  void finish() {
    try {
      last.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException problem -> throw problem;
        case Error problem -> throw problem;
        default -> throw e;
      }
    }
  }

  /** Waits for an image that is being drawn. */
  @Override
  public void close() {
    last.exceptionally(_ -> null).join();
    thread.shutdown();
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
