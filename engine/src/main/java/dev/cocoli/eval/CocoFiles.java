package dev.cocoli.eval;

import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Reads COCO annotation files and results files. Files are read token by token, so that
 * segmentations take no memory. An error names the file and the entry.
 */
public final class CocoFiles {

  private CocoFiles() {}

  /**
   * Evaluates a results file against an annotation file.
   *
   * @param groundTruthFile a COCO annotation file
   * @param results a COCO results file
   * @param matching how the images of the results are found
   * @return the twelve metrics
   * @throws IOException if a file cannot be read or is not a valid file of its kind
   */
  public static CocoMetrics evaluate(Path groundTruthFile, Path results, CocoMatching matching)
      throws IOException {
    CocoGroundTruth groundTruth = readGroundTruth(groundTruthFile);
    CocoEvaluator evaluator = CocoEvaluator.of(groundTruth);
    evaluator.addResults(readResults(results, groundTruth, matching));
    return evaluator.evaluate();
  }

  /**
   * Reads the images, classes and boxes of an annotation file. An annotation without {@code area}
   * gets the area of its box; one without {@code iscrowd} is a single object. All other fields that
   * are read are mandatory.
   *
   * @param file an object with the arrays images, annotations and categories
   * @return the ground truth of the file
   * @throws IOException if the file cannot be read, is not JSON, lacks a field, gives an id twice,
   *     or has an annotation of an unknown image or category
   */
  public static CocoGroundTruth readGroundTruth(Path file) throws IOException {
    List<Listed> images = null;
    List<CocoCategory> categories = null;
    List<Marked> objects = null;
    try (CocoJson json = CocoJson.open(file)) {
      json.expectStart(JsonToken.START_OBJECT, "an object with images, annotations and categories");
      for (String field = json.nextField(); field != null; field = json.nextField()) {
        switch (field) {
          case "images" -> images = json.readArray("image", CocoFiles::image);
          case "categories" -> categories = json.readArray("category", CocoFiles::category);
          case "annotations" -> objects = json.readArray("annotation", CocoFiles::annotation);
          default -> json.skip();
        }
      }
      json.expectEnd();
    }
    if (images == null || categories == null || objects == null) {
      String missing =
          images == null ? "images" : categories == null ? "categories" : "annotations";
      throw new IOException(file + ": not a COCO annotation file: it has no '" + missing + "'");
    }
    requireDistinct(file, "image", images.stream().map(Listed::id).toList());
    requireDistinct(file, "category", categories.stream().map(CocoCategory::id).toList());
    CocoImageNames names =
        CocoImageNames.of(
            images.stream().map(Listed::id).toList(),
            images.stream().map(Listed::fileName).collect(Collectors.toList())); // some are null
    Set<Long> classes = ids(categories);
    List<CocoAnnotation> annotations = new ArrayList<>(objects.size());
    for (int i = 0; i < objects.size(); i++) {
      Marked object = objects.get(i);
      Long image = names.ofId(object.imageId());
      if (image == null) {
        throw unknown(file, "annotation " + i, "image_id " + object.imageId(), "images");
      }
      if (!classes.contains(object.categoryId())) {
        throw unknown(file, "annotation " + i, "category_id " + object.categoryId(), "categories");
      }
      CocoBox box = object.box();
      double area = object.area() == null ? box.area() : object.area();
      try {
        annotations.add(new CocoAnnotation(image, object.categoryId(), box, area, object.crowd()));
      } catch (IllegalArgumentException e) {
        throw new IOException(file + ": annotation " + i + ": " + e.getMessage(), e);
      }
    }
    List<Long> imageIds = images.stream().map(image -> names.ofId(image.id())).toList();
    return new CocoGroundTruth(imageIds, categories, annotations, names);
  }

  private static Set<Long> ids(List<CocoCategory> categories) {
    return categories.stream().map(CocoCategory::id).collect(Collectors.toSet());
  }

  /**
   * Reads a results file.
   *
   * @param file an array of objects with image_id, category_id, bbox and score, perhaps file_name
   *     and category
   * @param groundTruth the ground truth that the results refer to
   * @param matching how their images are found there
   * @return the detections, in the order of the file
   * @throws IOException if the file cannot be read, is not JSON, lacks a field, or has a detection
   *     of an image or category that the ground truth does not have, or whose id and name are of
   *     different ones
   */
  public static List<CocoResult> readResults(
      Path file, CocoGroundTruth groundTruth, CocoMatching matching) throws IOException {
    List<Found> found;
    try (CocoJson json = CocoJson.open(file)) {
      json.expectStart(JsonToken.START_ARRAY, "an array of detections (COCO's results form)");
      found = json.readElements("detection", CocoFiles::result);
      json.expectEnd();
    }
    Map<Long, String> classes = new HashMap<>();
    Map<String, Long> byName = new HashMap<>();
    for (CocoCategory category : groundTruth.categories()) {
      classes.put(category.id(), category.name());
      byName.put(category.name(), category.id());
    }
    List<CocoResult> results = new ArrayList<>(found.size());
    for (int i = 0; i < found.size(); i++) {
      Found one = found.get(i);
      String what = "detection " + i;
      long image = image(file, what, one, groundTruth.names(), matching);
      long category = category(file, what, one, classes, byName);
      try {
        results.add(new CocoResult(image, category, one.box(), one.score()));
      } catch (IllegalArgumentException e) {
        throw new IOException(file + ": " + what + ": " + e.getMessage(), e);
      }
    }
    return results;
  }

  private static long image(
      Path file, String what, Found found, CocoImageNames names, CocoMatching matching)
      throws IOException {
    Long byId = names.ofId(found.imageId());
    Long byFile = found.fileName() == null ? null : names.ofFile(found.fileName());
    Long image =
        switch (matching) {
          case FILE_NAME -> found.fileName() == null ? byId : byFile;
          case IMAGE_ID -> byId;
          case CHECKED -> byId == null ? byFile : byId;
        };
    if (image == null) {
      boolean named = matching == CocoMatching.FILE_NAME && found.fileName() != null;
      throw unknown(
          file,
          what,
          named ? "file_name " + found.fileName() : "image_id " + found.imageId(),
          "images");
    }
    if (matching == CocoMatching.CHECKED
        && found.fileName() != null
        && !image.equals(byFile)
        && !names.mayBe(image, found.fileName())) {
      throw new IOException(
          "%s: %s has image_id %s, which is %s in the ground truth, and file_name %s: say which is right (--match image-id or file-name)"
              .formatted(file, what, found.imageId(), names.fileName(image), found.fileName()));
    }
    return image;
  }

  private static long category(
      Path file, String what, Found found, Map<Long, String> classes, Map<String, Long> byName)
      throws IOException {
    Long named = found.category() == null ? null : byName.get(found.category());
    if (classes.containsKey(found.categoryId())) {
      if (named != null && named != found.categoryId()) {
        throw new IOException(
            "%s: %s has category_id %d, which is %s in the ground truth, and category %s"
                .formatted(
                    file,
                    what,
                    found.categoryId(),
                    classes.get(found.categoryId()),
                    found.category()));
      }
      return found.categoryId();
    }
    if (named == null) {
      throw unknown(file, what, "category_id " + found.categoryId(), "categories");
    }
    return named;
  }

  /** An image of an annotation file; without a file name that is null. */
  private record Listed(String id, String fileName) {}

  /** An object of an annotation file; without an area that is null. */
  private record Marked(String imageId, long categoryId, CocoBox box, Double area, boolean crowd) {}

  /** A detection of a results file; what it lacks of file name and category is null. */
  private record Found(
      String imageId,
      String fileName,
      long categoryId,
      String category,
      CocoBox box,
      double score) {}

  private static Listed image(CocoJson json) throws IOException {
    String id = null;
    String fileName = null;
    for (String field = json.nextField(); field != null; field = json.nextField()) {
      switch (field) {
        case "id" -> id = json.id(field);
        case "file_name" -> fileName = json.text(field);
        default -> json.skip();
      }
    }
    return new Listed(json.require("id", id), fileName);
  }

  private static CocoCategory category(CocoJson json) throws IOException {
    Long id = null;
    String name = null;
    for (String field = json.nextField(); field != null; field = json.nextField()) {
      switch (field) {
        case "id" -> id = json.integer(field);
        case "name" -> name = json.text(field);
        default -> json.skip();
      }
    }
    return new CocoCategory(json.require("id", id), json.require("name", name));
  }

  private static Marked annotation(CocoJson json) throws IOException {
    String imageId = null;
    Long categoryId = null;
    CocoBox box = null;
    Double area = null;
    boolean crowd = false;
    for (String field = json.nextField(); field != null; field = json.nextField()) {
      switch (field) {
        case "image_id" -> imageId = json.id(field);
        case "category_id" -> categoryId = json.integer(field);
        case "bbox" -> box = json.box(field);
        case "area" -> area = json.number(field);
        case "iscrowd" -> crowd = json.flag(field);
        default -> json.skip();
      }
    }
    return new Marked(
        json.require("image_id", imageId),
        json.require("category_id", categoryId),
        json.require("bbox", box),
        area,
        crowd);
  }

  private static Found result(CocoJson json) throws IOException {
    String imageId = null;
    String fileName = null;
    Long categoryId = null;
    String category = null;
    CocoBox box = null;
    Double score = null;
    for (String field = json.nextField(); field != null; field = json.nextField()) {
      switch (field) {
        case "image_id" -> imageId = json.id(field);
        case "file_name" -> fileName = json.text(field);
        case "category_id" -> categoryId = json.integer(field);
        case "category" -> category = json.text(field);
        case "bbox" -> box = json.box(field);
        case "score" -> score = json.number(field);
        default -> json.skip();
      }
    }
    return new Found(
        json.require("image_id", imageId),
        fileName,
        json.require("category_id", categoryId),
        category,
        json.require("bbox", box),
        json.require("score", score));
  }

  private static <T> void requireDistinct(Path file, String what, List<T> ids) throws IOException {
    Set<T> seen = new HashSet<>();
    for (T id : ids) {
      if (!seen.add(id)) {
        throw new IOException(file + ": " + what + " id " + id + " is given twice");
      }
    }
  }

  private static IOException unknown(Path file, String what, String reference, String list) {
    return new IOException(
        "%s: %s has %s, which is not among the %s of the ground truth"
            .formatted(file, what, reference, list));
  }
}
