package dev.cocoli.data.synthetic;

import dev.cocoli.files.OutputFile;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Writes generated images in Pascal VOC's layout. */
final class VocFolder {

  private final Path folder;
  private final ShapeScenesConfig config;

  VocFolder(Path folder, ShapeScenesConfig config) {
    this.folder = folder;
    this.config = config;
  }

  void write(ShapeScenes scenes, int trainCount, int valCount) throws IOException {
    Path annotations = Files.createDirectories(folder.resolve("Annotations"));
    int count = trainCount + valCount;
    SceneFiles.write(
        scenes,
        count,
        folder.resolve("JPEGImages"),
        (index, target) ->
            write(annotations.resolve(SceneFiles.name(index) + ".xml"), xml(index, target)));
    Path sets = Files.createDirectories(folder.resolve("ImageSets").resolve("Main"));
    write(sets.resolve("train.txt"), names(0, trainCount));
    write(sets.resolve("val.txt"), names(trainCount, count));
    write(sets.resolve("trainval.txt"), names(0, count));
  }

  private static void write(Path file, String text) throws IOException {
    OutputFile.write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  private static String names(int from, int to) {
    return IntStream.range(from, to)
        .mapToObj(index -> SceneFiles.name(index) + "\n")
        .collect(Collectors.joining());
  }

  private String xml(int index, Target target) {
    StringBuilder objects = new StringBuilder();
    for (int i = 0; i < target.labels().length; i++) {
      Box box = target.boxes().get(i);
      objects.append(
          String.format(
              Locale.ROOT,
              """
                <object>
                  <name>%s</name>
                  <pose>Unspecified</pose>
                  <truncated>%d</truncated>
                  <difficult>0</difficult>
                  <bndbox><xmin>%d</xmin><ymin>%d</ymin><xmax>%d</xmax><ymax>%d</ymax></bndbox>
                </object>
              """,
              ShapeScenes.classNames().get(target.labels()[i] - 1),
              atEdge(box) ? 1 : 0,
              (int) box.x1(),
              (int) box.y1(),
              (int) box.x2(),
              (int) box.y2()));
    }
    return String.format(
        Locale.ROOT,
        """
        <annotation>
          <folder>%s</folder>
          <filename>%s.jpg</filename>
          <source><database>generated shapes</database></source>
          <size><width>%d</width><height>%d</height><depth>3</depth></size>
          <segmented>0</segmented>
        %s</annotation>
        """,
        "JPEGImages",
        SceneFiles.name(index),
        config.width(),
        config.height(),
        objects);
  }

  private boolean atEdge(Box box) {
    return box.x1() == 0
        || box.y1() == 0
        || box.x2() == config.width()
        || box.y2() == config.height();
  }
}
