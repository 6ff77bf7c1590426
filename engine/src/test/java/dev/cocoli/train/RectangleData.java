package dev.cocoli.train;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.Dataset;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import javax.imageio.ImageIO;

/** Coloured rectangles on noise, easy to find: red ones are label 1, green ones label 2. */
public record RectangleData(List<String> classNames, List<AnnotatedImage> images)
    implements Dataset {
  public static final List<String> CLASSES = List.of("red", "green");
  private static final Color[] COLOURS = {new Color(0xe02020), new Color(0x20c040)};
  private static final int WIDTH = 80;
  private static final int HEIGHT = 64;

  /** Draws images into a folder, the same ones for the same seed. */
  public static RectangleData draw(Path folder, int count, long seed) throws IOException {
    Files.createDirectories(folder);
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    List<AnnotatedImage> images = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      BufferedImage image = noise(random);
      List<Annotation> objects = new ArrayList<>();
      for (int object = 0; object <= i % 3; object++) {
        if (i % 7 == 6) {
          break; // some images show nothing
        }
        objects.add(rectangle(image, random));
      }
      String name = "%s-%03d.png".formatted(folder.getFileName(), i);
      Path file = folder.resolve(name);
      ImageIO.write(image, "png", file.toFile());
      images.add(new AnnotatedImage(i, name, file, WIDTH, HEIGHT, objects));
    }
    return new RectangleData(CLASSES, images);
  }

  private static BufferedImage noise(RandomGenerator random) {
    BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < HEIGHT; y++) {
      for (int x = 0; x < WIDTH; x++) {
        int grey = 90 + random.nextInt(40);
        image.setRGB(x, y, grey << 16 | grey << 8 | grey);
      }
    }
    return image;
  }

  private static Annotation rectangle(BufferedImage image, RandomGenerator random) {
    int label = 1 + random.nextInt(COLOURS.length);
    int width = 16 + random.nextInt(16);
    int height = 16 + random.nextInt(16);
    int x = random.nextInt(WIDTH - width);
    int y = random.nextInt(HEIGHT - height);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(COLOURS[label - 1]);
    graphics.fillRect(x, y, width, height);
    graphics.dispose();
    Box box = new Box(x, y, x + width, y + height);
    return new Annotation(box, label, false, false, box.width() * box.height());
  }

  RectangleData withClassNames(List<String> names) {
    return new RectangleData(names, images);
  }

  @Override
  public int size() {
    return images.size();
  }

  @Override
  public AnnotatedImage get(int index) {
    return images.get(index);
  }

  @Override
  public AnnotationReport report() {
    return new AnnotationReport(size(), 0, 0, 0, 0, 0, 0, Map.of(), List.of());
  }
}
