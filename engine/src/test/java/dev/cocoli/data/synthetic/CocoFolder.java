package dev.cocoli.data.synthetic;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes generated images in COCO's layout. Image and annotation ids start at 1. */
final class CocoFolder {

  private final Path folder;
  private final ShapeScenesConfig config;

  CocoFolder(Path folder, ShapeScenesConfig config) {
    this.folder = folder;
    this.config = config;
  }

  void write(ShapeScenes scenes, int trainCount, int valCount) throws IOException {
    int count = trainCount + valCount;
    List<Target> targets =
        SceneFiles.write(scenes, count, folder.resolve("images"), (index, target) -> {});
    Path annotations = Files.createDirectories(folder.resolve("annotations"));
    writeJson(annotations.resolve("train.json"), targets, 0, trainCount);
    writeJson(annotations.resolve("val.json"), targets, trainCount, count);
  }

  private void writeJson(Path file, List<Target> targets, int from, int to) throws IOException {
    try (JsonGenerator json = new JsonFactory().createGenerator(Files.newOutputStream(file))) {
      json.writeStartObject();
      json.writeArrayFieldStart("images");
      for (int index = from; index < to; index++) {
        json.writeStartObject();
        json.writeNumberField("id", index + 1);
        json.writeStringField("file_name", SceneFiles.name(index) + ".jpg");
        json.writeNumberField("width", config.width());
        json.writeNumberField("height", config.height());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeArrayFieldStart("categories");
      for (ShapeKind kind : ShapeKind.values()) {
        json.writeStartObject();
        json.writeNumberField("id", kind.label());
        json.writeStringField("name", kind.className());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeArrayFieldStart("annotations");
      int id = 0;
      for (int index = from; index < to; index++) {
        Target target = targets.get(index);
        for (int i = 0; i < target.labels().length; i++) {
          writeAnnotation(json, ++id, index + 1, target.labels()[i], target.boxes().get(i));
        }
      }
      json.writeEndArray();
      json.writeEndObject();
    }
  }

  private static void writeAnnotation(
      JsonGenerator json, int id, int imageId, int categoryId, Box box) throws IOException {
    json.writeStartObject();
    json.writeNumberField("id", id);
    json.writeNumberField("image_id", imageId);
    json.writeNumberField("category_id", categoryId);
    json.writeArrayFieldStart("bbox");
    json.writeNumber((int) box.x1());
    json.writeNumber((int) box.y1());
    json.writeNumber((int) box.width());
    json.writeNumber((int) box.height());
    json.writeEndArray();
    json.writeNumberField("area", (int) (box.width() * box.height()));
    json.writeNumberField("iscrowd", 0);
    json.writeEndObject();
  }
}
