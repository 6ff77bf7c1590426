package dev.cocoli.data.formats;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import dev.cocoli.data.DataException;
import dev.cocoli.structures.CocoField;
import dev.cocoli.structures.ObjectParts;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The contents of a COCO annotation file as they are written. The file is read as a stream; what no
 * {@link CocoField} reads is skipped, so that memory is needed only for what is kept, about 60
 * bytes per object. The sections may come in any order.
 */
final class CocoFile {

  /** Python writes NaN and Infinity; read as numbers, they lead to the object that has them. */
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  /** What comes before the path in an address. */
  private static final Pattern HOST = Pattern.compile("^[a-zA-Z]+://[^/]+/");

  /** The value of a number that the file does not give. */
  static final long NONE = Long.MIN_VALUE;

  /**
   * One entry of the file's list of images.
   *
   * @param id its number
   * @param fileName its file
   * @param width columns, 0 if not said
   * @param height rows, 0 if not said
   */
  record Listed(long id, String fileName, int width, int height) {}

  private final Path path;
  private final Map<String, CocoField<?>> fields = new HashMap<>();

  /** The images by id, in the order of the file. */
  final Map<Long, Listed> images = new LinkedHashMap<>();

  /** The names of the categories by id, ascending. */
  final TreeMap<Integer, String> categories = new TreeMap<>();

  /** The categories above those categories, by id, where the file says so. */
  private final Map<Integer, String> parents = new HashMap<>();

  /** The objects, with one column per property, because a large file has a million of them. */
  final CocoObjects objects = new CocoObjects();

  private boolean hasImages;
  private boolean hasAnnotations;

  private CocoFile(Path path, List<CocoField<?>> fields) {
    this.path = path;
    fields.forEach(field -> this.fields.put(field.name(), field));
  }

  /** Reads a file; throws an exception that says what is wrong with it. */
  static CocoFile read(Path path, List<CocoField<?>> fields) {
    CocoFile file = new CocoFile(path, fields);
    try (InputStream in = new BufferedInputStream(Files.newInputStream(path), 1 << 16);
        JsonParser json = JSON.createParser(in)) {
      file.read(json);
    } catch (NoSuchFileException e) {
      throw new DataException(path + ": there is no such file", e);
    } catch (JsonProcessingException e) {
      String where = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
      throw new DataException(
          path + ": is no valid JSON" + where + " (" + JsonReason.of(e) + ")", e);
    } catch (IOException e) {
      throw new DataException(path + ": cannot be read (" + e.getMessage() + ")", e);
    }
    if (!file.hasImages || !file.hasAnnotations || file.categories.isEmpty()) {
      throw new DataException(
          path + ": is no COCO annotation file, it needs 'images', 'annotations' and 'categories'");
    }
    file.dropRoots();
    return file;
  }

  /**
   * Drops categories that are no classes: Roboflow lists the data set itself as a category without
   * objects, above the others and sometimes with the name of one of them.
   */
  private void dropRoots() {
    Set<Integer> used = new HashSet<>();
    for (int i = 0; i < objects.size(); i++) {
      if (objects.category(i) == (int) objects.category(i)) {
        used.add((int) objects.category(i));
      }
    }
    List<Integer> unused = new ArrayList<>(categories.keySet());
    unused.removeAll(used);
    for (int id : unused) {
      String name = categories.get(id);
      String parent = parents.getOrDefault(id, "none");
      boolean isRoot = id == 0 && (parent.equals("none") || parent.isEmpty());
      boolean isAbove =
          categories.keySet().stream().anyMatch(o -> o != id && name.equals(parents.get(o)));
      boolean isTwin =
          categories.entrySet().stream()
              .anyMatch(other -> other.getKey() != id && other.getValue().equals(name));
      if (isTwin || isRoot && isAbove) {
        categories.remove(id);
      }
    }
  }

  private void read(JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      throw new DataException(path + ": is no COCO annotation file, it does not start with {");
    }
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String section = json.currentName();
      boolean list = json.nextToken() == JsonToken.START_ARRAY;
      switch (section) {
        case "images" -> {
          hasImages = true;
          each(json, list, section, this::readImage);
        }
        case "annotations" -> {
          hasAnnotations = true;
          each(json, list, section, this::readObject);
        }
        case "categories" -> each(json, list, section, this::readCategory);
        default -> json.skipChildren();
      }
    }
    if (json.nextToken() != null) {
      throw new DataException(path + ": more follows after the end of its JSON" + at(json));
    }
  }

  private interface Item {
    void read(JsonParser json) throws IOException;
  }

  private void each(JsonParser json, boolean list, String section, Item item) throws IOException {
    if (!list) {
      throw new DataException(path + ": '" + section + "' is no list");
    }
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (json.currentToken() != JsonToken.START_OBJECT) {
        throw new DataException(path + ": '" + section + "' holds something that is no object");
      }
      item.read(json);
    }
  }

  private void readImage(JsonParser json) throws IOException {
    long id = NONE;
    String fileName = null;
    String address = null;
    long width = 0;
    long height = 0;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "id" -> id = integer(json);
        case "file_name" -> fileName = text(json);
        case "coco_url" -> address = text(json);
        case "width" -> width = integer(json);
        case "height" -> height = integer(json);
        default -> json.skipChildren();
      }
    }
    if (fileName == null && address != null) { // LVIS has no other name
      fileName = HOST.matcher(address).replaceFirst("");
    }
    if (id == NONE || fileName == null) {
      throw new DataException(path + ": an image has no number 'id' or no 'file_name'" + at(json));
    }
    boolean hasSize = width > 0 && height > 0 && width <= 1 << 24 && height <= 1 << 24;
    Listed image = new Listed(id, fileName, hasSize ? (int) width : 0, hasSize ? (int) height : 0);
    Listed former = images.put(id, image);
    if (former != null) {
      throw new DataException(
          "%s: the images %s and %s have the same id %d"
              .formatted(path, former.fileName(), fileName, id));
    }
  }

  private void readCategory(JsonParser json) throws IOException {
    long id = NONE;
    String name = null;
    String parent = null;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "id" -> id = integer(json);
        case "name" -> name = text(json);
        case "supercategory" -> parent = text(json);
        default -> json.skipChildren();
      }
    }
    if (parent != null && id == (int) id) {
      parents.put((int) id, parent);
    }
    if (id != (int) id || name == null) {
      throw new DataException(path + ": a category has no number 'id' or no 'name'" + at(json));
    }
    String former = categories.put((int) id, name);
    if (former != null) {
      throw new DataException(
          "%s: the categories %s and %s have the same id %d".formatted(path, former, name, id));
    }
  }

  private void readObject(JsonParser json) throws IOException {
    long id = NONE;
    long image = NONE;
    long category = NONE;
    double area = Double.NaN;
    boolean crowd = false;
    float[] box = {Float.NaN, Float.NaN, Float.NaN, Float.NaN};
    ObjectParts parts = ObjectParts.NONE;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "id" -> id = integer(json);
        case "image_id" -> image = integer(json);
        case "category_id" -> category = integer(json);
        case "area" -> area = number(json);
        case "iscrowd" -> crowd = json.currentToken() == JsonToken.VALUE_TRUE || integer(json) == 1;
        case "bbox" -> readBox(json, box);
        default -> parts = readPart(json, field, parts);
      }
    }
    objects.add(id, image, category, box, area, crowd, parts);
  }

  private ObjectParts readPart(JsonParser json, String name, ObjectParts parts) throws IOException {
    CocoField<?> field = fields.get(name);
    if (field == null) {
      json.skipChildren();
      return parts;
    }
    String where = at(json);
    try {
      return field.read(json).map(part -> parts.with(part)).orElse(parts);
    } catch (IllegalArgumentException e) {
      throw new DataException(path + ": bad '" + name + "'" + where + ": " + e.getMessage(), e);
    }
  }

  private static void readBox(JsonParser json, float[] box) throws IOException {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      json.skipChildren();
      return;
    }
    int count = 0;
    while (json.nextToken() != JsonToken.END_ARRAY) {
      float value = (float) number(json);
      if (count < 4) {
        box[count] = value;
      }
      count++;
    }
    if (count != 4) {
      Arrays.fill(box, Float.NaN);
    }
  }

  private static double number(JsonParser json) throws IOException {
    if (json.currentToken().isNumeric()) {
      return json.getDoubleValue();
    }
    json.skipChildren();
    return Double.NaN;
  }

  /** Reads an integer, which some tools write as a string. */
  private static long integer(JsonParser json) throws IOException {
    switch (json.currentToken()) {
      case VALUE_NUMBER_INT -> {
        return json.getNumberType() == JsonParser.NumberType.BIG_INTEGER
            ? NONE
            : json.getLongValue();
      }
      case VALUE_NUMBER_FLOAT -> {
        double value = json.getDoubleValue();
        return value == Math.rint(value) && Math.abs(value) < 1L << 53 ? (long) value : NONE;
      }
      case VALUE_STRING -> {
        try {
          return Long.parseLong(json.getText().strip());
        } catch (NumberFormatException e) {
          return NONE;
        }
      }
      default -> {
        json.skipChildren();
        return NONE;
      }
    }
  }

  private static String text(JsonParser json) throws IOException {
    if (json.currentToken() == JsonToken.VALUE_STRING || json.currentToken().isNumeric()) {
      return json.getText();
    }
    json.skipChildren();
    return null;
  }

  private static String at(JsonParser json) {
    return " (line " + json.currentLocation().getLineNr() + ")";
  }
}
