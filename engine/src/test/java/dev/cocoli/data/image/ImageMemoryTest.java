package dev.cocoli.data.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.TestImages;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A large image and a small heap: the image is not called broken. */
@Tag("slow")
class ImageMemoryTest {
  private static final int SIDE = 3000;

  @TempDir Path folder;

  /** The program of the process with a small heap. */
  static final class Decode {
    private Decode() {}

    /** Decodes one file and prints the error. */
    public static void main(String[] args) {
      try {
        new ImageDecoder().decode(Path.of(args[0])).close();
      } catch (Throwable e) {
        System.out.println(e);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpeg", "bmp", "gif"})
  void memoryIsMemory(String format) throws IOException, InterruptedException {
    BufferedImage large = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_3BYTE_BGR);
    Path file = folder.resolve("large." + format);
    Files.write(file, TestImages.encoded(large, format));
    Path out = folder.resolve("out");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                format.equals("bmp") ? "-Xmx64m" : "-Xmx32m",
                "-XX:+UseSerialGC",
                "-Djava.awt.headless=true",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Decode.class.getName(),
                file.toString())
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    assertEquals(0, process.waitFor());
    String message = Files.readString(out);
    assertTrue(message.contains("java.lang.OutOfMemoryError: " + file), message);
    assertTrue(message.contains("3000 x 3000 pixels needs about"), message);
  }
}
