package dev.cocoli.eval;

import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

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
   * @return the twelve metrics
   * @throws IOException if a file cannot be read or is not a valid file of its kind
   */
  public static CocoMetrics evaluate(Path groundTruthFile, Path results) throws IOException {
    CocoGroundTruth groundTruth = readGroundTruth(groundTruthFile);
    CocoEvaluator evaluator = CocoEvaluator.of(groundTruth);
    evaluator.addResults(readResults(results, groundTruth));
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
    List<Long> imageIds = null;
    List<CocoCategory> categories = null;
    List<CocoAnnotation> annotations = null;
    try (CocoJson json = CocoJson.open(file)) {
      json.expectStart(JsonToken.START_OBJECT, "an object with images, annotations and categories");
      for (String field = json.nextField(); field != null; field = json.nextField()) {
        switch (field) {
          case "images" -> imageIds = json.readArray("image", CocoFiles::image);
          case "categories" -> categories = json.readArray("category", CocoFiles::category);
          case "annotations" -> annotations = json.readArray("annotation", CocoFiles::annotation);
          default -> json.skip();
        }
      }
      json.expectEnd();
    }
    if (imageIds == null || categories == null || annotations == null) {
      String missing =
          imageIds == null ? "images" : categories == null ? "categories" : "annotations";
      throw new IOException(file + ": not a COCO annotation file: it has no '" + missing + "'");
    }
    Set<Long> images = distinct(file, "image", imageIds);
    Set<Long> classes =
        distinct(file, "category", categories.stream().map(CocoCategory::id).toList());
    for (int i = 0; i < annotations.size(); i++) {
      CocoAnnotation object = annotations.get(i);
      checkKnown(file, "annotation", i, "image_id", object.imageId(), images);
      checkKnown(file, "annotation", i, "category_id", object.categoryId(), classes);
    }
    return new CocoGroundTruth(imageIds, categories, annotations);
  }

  /**
   * Reads a results file.
   *
   * @param file an array of objects with image_id, category_id, bbox and score
   * @param groundTruth the ground truth that the results refer to
   * @return the detections, in the order of the file
   * @throws IOException if the file cannot be read, is not JSON, lacks a field, or has a detection
   *     of an image or category that the ground truth does not have
   */
  public static List<CocoResult> readResults(Path file, CocoGroundTruth groundTruth)
      throws IOException {
    List<CocoResult> results;
    try (CocoJson json = CocoJson.open(file)) {
      json.expectStart(JsonToken.START_ARRAY, "an array of detections (COCO's results form)");
      results = json.readElements("detection", CocoFiles::result);
      json.expectEnd();
    }
    Set<Long> images = new HashSet<>(groundTruth.imageIds());
    Set<Long> classes = new HashSet<>();
    groundTruth.categories().forEach(category -> classes.add(category.id()));
    for (int i = 0; i < results.size(); i++) {
      checkKnown(file, "detection", i, "image_id", results.get(i).imageId(), images);
      checkKnown(file, "detection", i, "category_id", results.get(i).categoryId(), classes);
    }
    return results;
  }

  private static Long image(CocoJson json) throws IOException {
    Long id = null;
    for (String field = json.nextField(); field != null; field = json.nextField()) {
      if (field.equals("id")) {
        id = json.integer(field);
      } else {
        json.skip();
      }
    }
    return json.require("id", id);
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

  private static CocoAnnotation annotation(CocoJson json) throws IOException {
    Long imageId = null;
    Long categoryId = null;
    CocoBox box = null;
    Double area = null;
    boolean crowd = false;
    for (String field = json.nextField(); field != null; field = json.nextField()) {
      switch (field) {
        case "image_id" -> imageId = json.integer(field);
        case "category_id" -> categoryId = json.integer(field);
        case "bbox" -> box = json.box(field);
        case "area" -> area = json.number(field);
        case "iscrowd" -> crowd = json.flag(field);
        default -> json.skip();
      }
    }
    json.require("image_id", imageId);
    json.require("category_id", categoryId);
    json.require("bbox", box);
    return new CocoAnnotation(imageId, categoryId, box, area == null ? box.area() : area, crowd);
  }

  private static CocoResult result(CocoJson json) throws IOException {
    Long imageId = null;
    Long categoryId = null;
    CocoBox box = null;
    Double score = null;
    for (String field = json.nextField(); field != null; field = json.nextField()) {
      switch (field) {
        case "image_id" -> imageId = json.integer(field);
        case "category_id" -> categoryId = json.integer(field);
        case "bbox" -> box = json.box(field);
        case "score" -> score = json.number(field);
        default -> json.skip();
      }
    }
    json.require("image_id", imageId);
    json.require("category_id", categoryId);
    json.require("bbox", box);
    json.require("score", score);
    return new CocoResult(imageId, categoryId, box, score);
  }

  private static Set<Long> distinct(Path file, String what, List<Long> ids) throws IOException {
    Set<Long> seen = new HashSet<>();
    for (Long id : ids) {
      if (!seen.add(id)) {
        throw new IOException(file + ": " + what + " id " + id + " is given twice");
      }
    }
    return seen;
  }

  private static void checkKnown(
      Path file, String what, int index, String field, long id, Set<Long> known)
      throws IOException {
    if (!known.contains(id)) {
      String list = field.equals("image_id") ? "images" : "categories";
      throw new IOException(
          file
              + ": "
              + what
              + " "
              + index
              + " has "
              + field
              + " "
              + id
              + ", which is not among the "
              + list
              + " of the ground truth");
    }
  }
}
