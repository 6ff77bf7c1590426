package dev.cocoli.data.synthetic;

import dev.cocoli.files.OutputFile;
import dev.cocoli.structures.Target;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Draws images on all cores and writes them as JPEG files. */
final class SceneFiles {

  private static final float QUALITY = 0.92f;

  private SceneFiles() {}

  /** Writes the annotation of each image; called by several threads. */
  interface Annotator {
    void annotate(int index, Target target) throws IOException;
  }

  static String name(int index) {
    return String.format(Locale.ROOT, "%06d", index);
  }

  /** Writes the images {@code 0 .. count-1} and returns their objects in that order. */
  static List<Target> write(ShapeScenes scenes, int count, Path folder, Annotator annotator)
      throws IOException {
    Files.createDirectories(folder);
    Target[] targets = new Target[count];
    try {
      IntStream.range(0, count)
          .parallel()
          .forEach(
              index -> {
                try {
                  ShapeScene scene = scenes.scene(index);
                  OutputFile.write(folder.resolve(name(index) + ".jpg"), jpeg(scene.image()));
                  annotator.annotate(index, scene.target());
                  targets[index] = scene.target();
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    } catch (UncheckedIOException e) {
      throw new IOException("cannot write images to " + folder + ": " + e.getMessage(), e);
    }
    return Arrays.asList(targets);
  }

  private static byte[] jpeg(BufferedImage image) throws IOException {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      ImageWriteParam settings = writer.getDefaultWriteParam();
      settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      settings.setCompressionQuality(QUALITY);
      writer.setOutput(out);
      writer.write(null, new IIOImage(image, null, null), settings);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }
}
