package dev.cocoli.structures;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.util.Optional;

/**
 * The field of an object in COCO's files that holds one of its parts, such as {@code segmentation}:
 * how it is read from annotations and written to results.
 *
 * @param <P> the class of the part
 */
public interface CocoField<P extends ObjectPart> {
  /** {@return its name} */
  String name();

  /** {@return the class of the part} */
  Class<P> type();

  /**
   * {@return the part that a value describes; nothing if it describes none}
   *
   * @param json at the first token of the value; at its last one afterwards
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the value does not describe a part; the message says why
   */
  Optional<P> read(JsonParser json) throws IOException;

  /**
   * Writes the value that describes a part.
   *
   * @param json after the field's name
   * @param part the part, in pixels of the image
   * @throws IOException if the file cannot be written
   */
  void write(JsonGenerator json, P part) throws IOException;
}
