package dev.cocoli.benchmarks;

import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.files.Folder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Creates images of shapes to measure with; the caller deletes them. */
final class SyntheticData {
  private static final long SEED = 5;

  private SyntheticData() {}

  /** {@return a JPEG file of the given size in a temporary folder} */
  static Path jpeg(ImageSize size) throws IOException {
    Path folder = voc(size, 1);
    try (Stream<Path> files = Files.list(folder.resolve("JPEGImages"))) {
      Path kept = Files.createTempFile("cocoli-benchmark", ".jpg");
      Files.move(
          files.findFirst().orElseThrow(), kept, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      return kept;
    } finally {
      Folder.delete(folder);
    }
  }

  /** {@return a temporary Pascal VOC folder with the given number of training images} */
  static Path voc(ImageSize size, int count) throws IOException {
    Path folder = Files.createTempDirectory("cocoli-benchmark");
    new ShapeScenes(ShapeScenesConfig.of(size.width(), size.height(), SEED))
        .writeVoc(folder, count, 0);
    return folder;
  }
}
