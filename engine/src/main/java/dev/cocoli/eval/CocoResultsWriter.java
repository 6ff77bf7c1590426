package dev.cocoli.eval;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.cocoli.files.OutputFile;
import dev.cocoli.structures.CocoField;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.ObjectPart;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Writes detections in COCO's results format, with the image's file name and the class name added.
 * Numbers are written in full precision, so that evaluating the file gives the metrics that
 * evaluating the detections in memory gives.
 */
public final class CocoResultsWriter implements AutoCloseable {

  private final List<CocoCategory> categories;
  private final List<CocoField<?>> fields;
  private final OutputFile file;
  private final JsonGenerator json;

  /**
   * Begins a file, under a temporary name until {@link #finish}.
   *
   * @param file the file; replaced if it exists
   * @param categories the classes, in the order of their labels
   * @param fields the parts of a detection that are written, where it has them
   * @throws IOException if the file cannot be written
   */
  public CocoResultsWriter(Path file, List<CocoCategory> categories, List<CocoField<?>> fields)
      throws IOException {
    this.categories = List.copyOf(categories);
    this.fields = List.copyOf(fields);
    this.file = OutputFile.create(file);
    this.json = new JsonFactory().createGenerator(this.file.stream());
    json.writeStartArray();
  }

  /**
   * Writes the detections of one image.
   *
   * @param imageId the image's id in the ground truth, or its index if there is no ground truth
   * @param fileName the image's name
   * @param detections boxes in pixels of the image
   * @throws IOException if the file cannot be written
   * @throws IllegalArgumentException if a label has no class
   */
  public void write(long imageId, String fileName, List<Detection> detections) throws IOException {
    for (Detection found : detections) {
      if (found.label() < 1 || found.label() > categories.size()) {
        throw new IllegalArgumentException(
            "label " + found.label() + " has no class: there are " + categories.size());
      }
      CocoCategory category = categories.get(found.label() - 1);
      CocoBox box = CocoBox.of(found.box());
      json.writeRaw('\n'); // one line per detection, for people and for diff
      json.writeStartObject();
      json.writeNumberField("image_id", imageId);
      json.writeStringField("file_name", fileName);
      json.writeNumberField("category_id", category.id());
      json.writeStringField("category", category.name());
      json.writeArrayFieldStart("bbox");
      json.writeNumber(box.x());
      json.writeNumber(box.y());
      json.writeNumber(box.width());
      json.writeNumber(box.height());
      json.writeEndArray();
      double score = found.score();
      json.writeNumberField("score", score);
      for (CocoField<?> field : fields) {
        write(field, found);
      }
      json.writeEndObject();
    }
  }

  private <P extends ObjectPart> void write(CocoField<P> field, Detection found)
      throws IOException {
    Optional<P> part = found.part(field.type());
    if (part.isPresent()) {
      json.writeFieldName(field.name());
      field.write(json, part.get());
    }
  }

  /**
   * Ends the array and moves the file into place.
   *
   * @throws IOException if the file cannot be written; then it is as it was
   */
  public void finish() throws IOException {
    json.writeRaw('\n');
    json.close();
    file.commit();
  }

  /** Closes the file; without {@link #finish} it is as it was. */
  @Override
  public void close() throws IOException {
    file.close();
  }
}
