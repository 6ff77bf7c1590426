package dev.cocoli.structures;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.awt.geom.AffineTransform;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;

/**
 * One object that a detector found.
 *
 * @param box where, in pixels of the image as it was given
 * @param label the class, 1 for the first; 0 is the background and is never reported
 * @param score the probability of the class, from 0 to 1
 * @param className the name of the class; empty if only a model was asked, which has no names
 * @param parts what else the detector found of it, such as its mask
 */
public record Detection(Box box, int label, float score, String className, ObjectParts parts) {
  private static final JsonFactory JSON = new JsonFactory();

  /**
   * Creates a detection whose class has no name, and which has no parts.
   *
   * @param box where
   * @param label the class
   * @param score the probability of the class
   */
  public Detection(Box box, int label, float score) {
    this(box, label, score, "", ObjectParts.NONE);
  }

  /**
   * {@return this detection with the name of its class}
   *
   * @param name the name
   */
  public Detection named(String name) {
    return new Detection(box, label, score, name, parts);
  }

  /**
   * {@return this detection with one more part}
   *
   * @param part replaces a part of the same class
   */
  public Detection with(ObjectPart part) {
    return new Detection(box, label, score, className, parts.with(part));
  }

  /**
   * {@return one of its parts, if it has it}
   *
   * @param type the class of the part
   * @param <P> that class
   */
  public <P extends ObjectPart> Optional<P> part(Class<P> type) {
    return parts.get(type);
  }

  /**
   * {@return this detection in another image}
   *
   * @param move where the points of its image are in the other one
   */
  public Detection moved(AffineTransform move) {
    return new Detection(box.moved(move), label, score, className, parts.moved(move));
  }

  /**
   * {@return detections as a JSON array, with the keys of COCO's results: {@code category_id},
   * {@code category}, {@code bbox} (x, y, width, height) and {@code score}} Parts are left out.
   *
   * @param detections the detections, written in their order
   */
  public static String toJson(List<Detection> detections) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartArray();
      for (Detection found : detections) {
        json.writeStartObject();
        json.writeNumberField("category_id", found.label);
        json.writeStringField("category", found.className);
        json.writeArrayFieldStart("bbox");
        json.writeNumber(found.box.x1());
        json.writeNumber(found.box.y1());
        json.writeNumber(found.box.width());
        json.writeNumber(found.box.height());
        json.writeEndArray();
        json.writeNumberField("score", found.score);
        json.writeEndObject();
      }
      json.writeEndArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a string takes all
    }
    return text.toString();
  }
}
