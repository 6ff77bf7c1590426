package dev.cocoli.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes a small VOC data set. */
public final class VocFolder {

  public final Path root;

  public VocFolder(Path root) throws IOException {
    this.root = root;
    Files.createDirectories(root.resolve("JPEGImages"));
    Files.createDirectories(root.resolve("Annotations"));
    Files.createDirectories(root.resolve("ImageSets/Main"));
  }

  public VocFolder image(String file, int width, int height) throws IOException {
    String format = file.endsWith(".png") ? "png" : "jpeg";
    return image(file, TestImages.encoded(TestImages.gradient(width, height, 90), format));
  }

  public VocFolder image(String file, byte[] bytes) throws IOException {
    Files.write(root.resolve("JPEGImages").resolve(file), bytes);
    return this;
  }

  public VocFolder annotation(String stem, String xml) throws IOException {
    Files.writeString(root.resolve("Annotations").resolve(stem + ".xml"), xml);
    return this;
  }

  public VocFolder split(String name, String... lines) throws IOException {
    Files.writeString(
        root.resolve("ImageSets/Main").resolve(name + ".txt"), String.join("\n", lines) + "\n");
    return this;
  }

  /** An image of 40 x 30 and its annotation. */
  public VocFolder add(String stem, String... objects) throws IOException {
    return image(stem + ".jpg", 40, 30).annotation(stem, xml(stem + ".jpg", 40, 30, objects));
  }

  public static String xml(String fileName, int width, int height, String... objects) {
    return """
    <annotation>
      <filename>%s</filename>
      <size><width>%d</width><height>%d</height><depth>3</depth></size>
      %s
    </annotation>
    """
        .formatted(fileName, width, height, String.join("\n", objects));
  }

  public static String object(String name, Object x1, Object y1, Object x2, Object y2) {
    return """
    <object>
      <name>%s</name><difficult>0</difficult>
      <bndbox><xmin>%s</xmin><ymin>%s</ymin><xmax>%s</xmax><ymax>%s</ymax></bndbox>
    </object>\
    """
        .formatted(name, x1, y1, x2, y2);
  }
}
