package dev.cocoli.examples;

import dev.cocoli.data.formats.TextLines;
import dev.cocoli.data.image.ImageHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Makes a COCO file of YOLO's labels, one text file per image with a line {@code class x y width
 * height} per object, in fractions of the image's sides, from the middle of the box: {@code
 * YoloToCoco LABELS IMAGES NAMES.txt OUT.json}. An image without a text file has no objects.
 */
final class YoloToCoco {
  private final List<String> images = new ArrayList<>();
  private final List<String> objects = new ArrayList<>();

  private YoloToCoco() {}

  static void main(String[] args) throws IOException {
    Path labels = Path.of(args[0]);
    Path pixels = Path.of(args[1]);
    List<String> names = TextLines.read(Path.of(args[2]));
    YoloToCoco coco = new YoloToCoco();
    try (Stream<Path> files = Files.list(pixels)) {
      for (Path image : files.filter(file -> !isHidden(file)).sorted().toList()) {
        String name = image.getFileName().toString();
        Path label = labels.resolve(name.replaceFirst("\\.[^.]*$", "") + ".txt");
        coco.add(image, Files.exists(label) ? TextLines.read(label) : List.of(), names.size());
      }
    }
    List<String> categories = new ArrayList<>();
    for (String name : names) {
      categories.add("{\"id\": %d, \"name\": %s}".formatted(categories.size(), quoted(name)));
    }
    String json = "{\"images\": %s,\n\"annotations\": %s,\n\"categories\": %s}\n";
    Files.writeString(Path.of(args[3]), json.formatted(coco.images, coco.objects, categories));
    System.out.printf("%d images, %d objects%n", coco.images.size(), coco.objects.size());
  }

  private void add(Path image, List<String> lines, int classes) throws IOException {
    ImageHeader size = ImageHeader.read(image);
    int id = images.size();
    images.add(
        "{\"id\": %d, \"file_name\": %s, \"width\": %d, \"height\": %d}"
            .formatted(id, quoted(image.getFileName().toString()), size.width(), size.height()));
    for (String line : lines) {
      String[] numbers = line.split("\\s+");
      if (numbers.length != 5 || Integer.parseInt(numbers[0]) >= classes) {
        throw new IOException("the label of " + image + " has the line '" + line + "'");
      }
      double width = Double.parseDouble(numbers[3]) * size.width();
      double height = Double.parseDouble(numbers[4]) * size.height();
      double x = Double.parseDouble(numbers[1]) * size.width() - width / 2;
      double y = Double.parseDouble(numbers[2]) * size.height() - height / 2;
      String object =
          "{\"id\": %d, \"image_id\": %d, \"category_id\": %s, \"bbox\": [%f, %f, %f, %f],"
              + " \"area\": %f, \"iscrowd\": 0}";
      objects.add(
          String.format(
              Locale.ROOT,
              object,
              objects.size() + 1,
              id,
              numbers[0],
              x,
              y,
              width,
              height,
              width * height));
    }
  }

  private static boolean isHidden(Path file) {
    return file.getFileName().toString().startsWith(".");
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
