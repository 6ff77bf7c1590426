package dev.cocoli.eval;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import dev.cocoli.data.formats.JsonReason;
import java.io.CharConversionException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A forward reader of one JSON file, whose errors name the file and the current entry. The fields
 * of an entry may come in any order.
 */
final class CocoJson implements AutoCloseable {

  /** Python writes NaN and Infinity: harmless where a field is skipped, named where it is read. */
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private final Path file;
  private final JsonParser parser;
  private String entry = "";

  /** Reads one entry of an array, from after its opening brace to its closing brace. */
  interface EntryReader<T> {
    T read(CocoJson json) throws IOException;
  }

  private CocoJson(Path file, JsonParser parser) {
    this.file = file;
    this.parser = parser;
  }

  static CocoJson open(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw new IOException(file + ": is a folder, not a JSON file");
    }
    try {
      return new CocoJson(file, JSON.createParser(Files.newInputStream(file)));
    } catch (CharConversionException e) {
      throw noText(file, e);
    } catch (NoSuchFileException e) {
      throw new IOException(file + ": no such file", e);
    }
  }

  void expectStart(JsonToken token, String what) throws IOException {
    JsonToken found = next();
    if (found != token) {
      String instead = found == null ? "nothing" : describe(found);
      throw new IOException(file + ": expected " + what + ", found " + instead);
    }
  }

  void expectEnd() throws IOException {
    if (next() != null) {
      throw new IOException(file + ": more follows after the end of the JSON value");
    }
  }

  /**
   * Moves to the value of the next field of the current object, and returns the field's name, or
   * null at the object's end.
   */
  String nextField() throws IOException {
    if (next() == JsonToken.END_OBJECT) {
      return null;
    }
    String name = parser.currentName();
    next();
    return name;
  }

  void skip() throws IOException {
    try {
      parser.skipChildren();
    } catch (JsonProcessingException e) {
      throw notJson(e);
    } catch (CharConversionException e) {
      throw noText(file, e);
    }
  }

  /** Reads the array at the parser's position. */
  <T> List<T> readArray(String what, EntryReader<T> reader) throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw new IOException(
          file + ": expected an array of " + what + " entries, found " + current());
    }
    return readElements(what, reader);
  }

  /** Reads the rest of an array whose start has been read. */
  <T> List<T> readElements(String what, EntryReader<T> reader) throws IOException {
    List<T> entries = new ArrayList<>();
    while (next() != JsonToken.END_ARRAY) {
      entry = what + " " + entries.size();
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw new IOException(file + ": " + entry + " is not an object but " + current());
      }
      try {
        entries.add(reader.read(this));
      } catch (JsonProcessingException e) { // text and numbers are parsed only here
        throw notJson(e);
      } catch (CharConversionException e) {
        throw noText(file, e);
      } catch (IllegalArgumentException e) {
        throw new IOException(file + ": " + entry + ": " + e.getMessage(), e);
      }
    }
    entry = "";
    return entries;
  }

  <T> T require(String field, T value) throws IOException {
    if (value == null) {
      throw new IOException(file + ": " + entry + " has no '" + field + "'");
    }
    return value;
  }

  /** An integer (2.0 is accepted, as in Python, and "2"), or null. */
  Long integer(String field) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_STRING
        && parser.getText().strip().matches("[+-]?\\d{1,18}")) {
      return Long.parseLong(parser.getText().strip());
    }
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return null;
    }
    Double value = number(field);
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
      return parser.getLongValue();
    }
    if (value != Math.rint(value) || Math.abs(value) > 1L << 53) {
      throw wrong(field, "an integer");
    }
    return value.longValue();
  }

  /**
   * An id as text, or null. Ids are integers, but some programs write them as text, or use names:
   * 7, 7.0 and "7" are the same.
   */
  String id(String field) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_STRING) {
      return parser.getText().strip();
    }
    Long value = integer(field);
    return value == null ? null : value.toString();
  }

  /** A number, or null. */
  Double number(String field) throws IOException {
    return switch (parser.currentToken()) {
      case VALUE_NULL -> null;
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      default -> throw wrong(field, "a number");
    };
  }

  boolean flag(String field) throws IOException {
    return switch (parser.currentToken()) {
      case VALUE_NULL, VALUE_FALSE -> false;
      case VALUE_TRUE -> true;
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDoubleValue() != 0;
      default -> throw wrong(field, "0 or 1");
    };
  }

  String text(String field) throws IOException {
    return switch (parser.currentToken()) {
      case VALUE_NULL -> null;
      case VALUE_STRING -> parser.getText();
      default -> throw wrong(field, "text");
    };
  }

  /** Four numbers in an array, or null. */
  CocoBox box(String field) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return null;
    }
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw wrong(field, "an array of x, y, width, height");
    }
    double[] numbers = new double[4];
    int count = 0;
    while (next() != JsonToken.END_ARRAY) {
      if (!parser.currentToken().isNumeric()) {
        throw wrong(field, "four numbers x, y, width, height");
      }
      if (count < numbers.length) {
        numbers[count] = parser.getDoubleValue();
      }
      count++;
    }
    if (count != numbers.length) {
      throw new IOException(
          "%s: %s: '%s' must have four numbers x, y, width, height, but has %s"
              .formatted(file, entry, field, count));
    }
    return new CocoBox(numbers[0], numbers[1], numbers[2], numbers[3]);
  }

  @Override
  public void close() throws IOException {
    parser.close();
  }

  private JsonToken next() throws IOException {
    try {
      JsonToken token = parser.nextToken();
      if (token == null && !parser.getParsingContext().inRoot()) {
        throw new IOException(file + ": ends in the middle");
      }
      return token;
    } catch (JsonProcessingException e) {
      throw notJson(e);
    } catch (CharConversionException e) {
      throw noText(file, e);
    }
  }

  private static IOException noText(Path file, CharConversionException e) {
    return new IOException(file + ": is no text in UTF-8, UTF-16 or UTF-32", e);
  }

  private IOException notJson(JsonProcessingException e) {
    String where =
        e.getLocation() == null
            ? ""
            : " at line %s, column %s"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    return new IOException(file + ": not valid JSON" + where + ": " + JsonReason.of(e), e);
  }

  private IOException wrong(String field, String expected) throws IOException {
    return new IOException(
        file + ": " + entry + ": '" + field + "' must be " + expected + ", but is " + current());
  }

  private String current() throws IOException {
    try {
      return switch (parser.currentToken()) {
        case START_OBJECT, START_ARRAY -> describe(parser.currentToken());
        case VALUE_STRING -> "the text \"" + parser.getText() + "\"";
        default -> parser.getText();
      };
    } catch (JsonProcessingException e) { // text is parsed only here
      throw notJson(e);
    }
  }

  private static String describe(JsonToken token) {
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      default -> "a single value";
    };
  }
}
