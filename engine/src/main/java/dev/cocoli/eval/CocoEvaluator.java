package dev.cocoli.eval;

import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/**
 * Collects ground truth and detections per image and computes COCO's twelve box metrics as
 * pycocotools does. Each image is announced with its objects before its detections are added, even
 * if it has none. The order of the images does not matter; the order of equal scores in an image
 * does.
 *
 * <p>One difference is deliberate: pycocotools never counts an object with annotation id 0 as
 * found, while annotation ids are ignored here. An evaluator is not safe for several threads: give
 * each thread its own and {@linkplain #merge merge} their {@linkplain #matches matches}.
 */
public final class CocoEvaluator {

  private final List<CocoCategory> categories;
  private final Map<Long, Integer> indexByCategoryId = new HashMap<>();
  private final TreeMap<Long, Image> images = new TreeMap<>();
  private final Map<Long, Map<Integer, CocoMatches>> merged = new HashMap<>();

  private record Image(List<CocoAnnotation> objects, List<CocoResult> detections) {}

  /**
   * Creates an evaluator without images.
   *
   * @param categories the classes; label 1 of a {@link Target} or {@link Detection} is the first
   * @throws IllegalArgumentException if two have the same id
   */
  public CocoEvaluator(List<CocoCategory> categories) {
    this.categories = List.copyOf(categories);
    for (int i = 0; i < this.categories.size(); i++) {
      if (indexByCategoryId.put(this.categories.get(i).id(), i) != null) {
        throw new IllegalArgumentException(
            "category id " + this.categories.get(i).id() + " is given twice");
      }
    }
  }

  /**
   * Creates an evaluator that gives the classes the ids 1, 2, ..., which are their labels.
   *
   * @param classNames the classes without the background
   * @return an evaluator without images
   */
  public static CocoEvaluator ofClasses(List<String> classNames) {
    List<CocoCategory> categories = new ArrayList<>();
    for (String name : classNames) {
      categories.add(new CocoCategory(categories.size() + 1, name));
    }
    return new CocoEvaluator(categories);
  }

  /**
   * Creates an evaluator with all images and objects of a ground truth.
   *
   * @param groundTruth the images, classes and objects
   * @return an evaluator without detections
   * @throws IllegalArgumentException if an object's image or class is not among them
   */
  public static CocoEvaluator of(CocoGroundTruth groundTruth) {
    CocoEvaluator evaluator = new CocoEvaluator(groundTruth.categories());
    Map<Long, List<CocoAnnotation>> objects = new HashMap<>();
    groundTruth.imageIds().forEach(id -> objects.put(id, new ArrayList<>()));
    for (CocoAnnotation object : groundTruth.annotations()) {
      List<CocoAnnotation> ofImage = objects.get(object.imageId());
      if (ofImage == null) {
        throw new IllegalArgumentException(
            "an object is in image " + object.imageId() + ", which is not among the images");
      }
      ofImage.add(object);
    }
    groundTruth.imageIds().forEach(id -> evaluator.addImage(id, objects.get(id)));
    return evaluator;
  }

  /**
   * Announces an image with its objects.
   *
   * @param imageId the image
   * @param objects its objects; may be empty
   * @throws IllegalArgumentException if the image is known already, or an object is of another
   *     image or of an unknown class
   */
  public void addImage(long imageId, List<CocoAnnotation> objects) {
    for (CocoAnnotation object : objects) {
      checkImage(imageId, object.imageId());
      checkCategory(object.categoryId());
    }
    Image image = new Image(List.copyOf(objects), new ArrayList<>());
    if (merged.containsKey(imageId) || images.putIfAbsent(imageId, image) != null) {
      throw new IllegalArgumentException("image " + imageId + " was added twice");
    }
  }

  /**
   * Announces an image with its objects as a data set has them, crowds among them.
   *
   * @param imageId the image
   * @param target its objects; each with its label, box, area and whether it is a crowd
   * @throws IllegalArgumentException if the image is known already or a label has no class
   */
  public void addImage(long imageId, Target target) {
    List<CocoAnnotation> objects = new ArrayList<>();
    for (Annotation object : target.objects()) {
      objects.add(
          new CocoAnnotation(
              imageId,
              categoryId(object.label()),
              CocoBox.of(object.box()),
              object.area(),
              object.crowd()));
    }
    addImage(imageId, objects);
  }

  /**
   * Adds the detections of an image.
   *
   * @param imageId an image that was announced
   * @param detections boxes in pixels of the image as it is in the ground truth
   * @throws IllegalArgumentException if the image is unknown, a label has no class, or a box or
   *     score is not finite
   */
  public void addDetections(long imageId, List<Detection> detections) {
    List<CocoResult> results = new ArrayList<>();
    for (Detection found : detections) {
      results.add(
          new CocoResult(
              imageId, categoryId(found.label()), CocoBox.of(found.box()), found.score()));
    }
    addResults(results);
  }

  /**
   * Adds detections of any announced images.
   *
   * @param results the detections
   * @throws IllegalArgumentException if an image or class is unknown; nothing is added then
   */
  public void addResults(Collection<CocoResult> results) {
    for (CocoResult result : results) {
      if (!images.containsKey(result.imageId())) {
        throw new IllegalArgumentException(
            "a detection is in image " + result.imageId() + ", which is not in the ground truth");
      }
      checkCategory(result.categoryId());
    }
    for (CocoResult result : results) {
      images.get(result.imageId()).detections.add(result);
    }
  }

  /**
   * Adds the images of another evaluator, matched. The metrics are exactly those of one evaluator
   * to which all of them were added.
   *
   * @param matches what {@link #matches} of the other one returned
   * @throws IllegalArgumentException if the classes differ or an image is in both
   */
  public void merge(byte[] matches) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(matches))) {
      List<CocoCategory> others = new ArrayList<>();
      for (int left = in.readInt(); left > 0; left--) {
        others.add(new CocoCategory(in.readLong(), in.readUTF()));
      }
      if (!categories.equals(others)) {
        throw new IllegalArgumentException(
            "the evaluators have different classes: " + categories + " and " + others);
      }
      while (in.available() > 0) {
        long imageId = in.readLong();
        Map<Integer, CocoMatches> byCategory = new TreeMap<>();
        for (int left = in.readInt(); left > 0; left--) {
          byCategory.put(in.readInt(), CocoMatches.read(in));
        }
        if (images.containsKey(imageId) || merged.putIfAbsent(imageId, byCategory) != null) {
          throw new IllegalArgumentException("image " + imageId + " is in both evaluators");
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * {@return the images added so far, matched, for {@link #merge} of an evaluator in another
   * process: all that the metrics need of them}
   */
  public byte[] matches() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(categories.size());
      for (CocoCategory category : categories) {
        out.writeLong(category.id());
        out.writeUTF(category.name());
      }
      for (Map.Entry<Long, Map<Integer, CocoMatches>> image : matchesByImage().entrySet()) {
        out.writeLong(image.getKey());
        out.writeInt(image.getValue().size());
        for (Map.Entry<Integer, CocoMatches> matches : image.getValue().entrySet()) {
          out.writeInt(matches.getKey());
          matches.getValue().write(out);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** {@return the metrics of all images added so far; more may be added afterwards} */
  public CocoMetrics evaluate() {
    List<CocoCurves> curves = matchesByCategory().stream().parallel().map(CocoCurves::of).toList();
    int all = AreaRange.ALL.ordinal();
    int small = AreaRange.SMALL.ordinal();
    int medium = AreaRange.MEDIUM.ordinal();
    int large = AreaRange.LARGE.ordinal();
    List<CocoMetrics.ClassAp> perClass = new ArrayList<>();
    for (int c = 0; c < categories.size(); c++) {
      double[] precision = curves.get(c).precision()[all];
      perClass.add(
          new CocoMetrics.ClassAp(
              categories.get(c), mean(precision), precision[CocoThresholds.IOU_50]));
    }
    return new CocoMetrics(
        meanOverClasses(curves, curve -> mean(curve.precision()[all])),
        meanOverClasses(curves, curve -> curve.precision()[all][CocoThresholds.IOU_50]),
        meanOverClasses(curves, curve -> curve.precision()[all][CocoThresholds.IOU_75]),
        meanOverClasses(curves, curve -> mean(curve.precision()[small])),
        meanOverClasses(curves, curve -> mean(curve.precision()[medium])),
        meanOverClasses(curves, curve -> mean(curve.precision()[large])),
        meanOverClasses(curves, curve -> mean(curve.recall()[all][0])),
        meanOverClasses(curves, curve -> mean(curve.recall()[all][1])),
        meanOverClasses(curves, curve -> mean(curve.recall()[all][2])),
        meanOverClasses(curves, curve -> mean(curve.recall()[small][2])),
        meanOverClasses(curves, curve -> mean(curve.recall()[medium][2])),
        meanOverClasses(curves, curve -> mean(curve.recall()[large][2])),
        perClass);
  }

  /** For each class, the images with an object or detection of it, by ascending image id. */
  private List<List<CocoMatches>> matchesByCategory() {
    List<List<CocoMatches>> matches = new ArrayList<>();
    categories.forEach(category -> matches.add(new ArrayList<>()));
    for (Map<Integer, CocoMatches> ofImage : matchesByImage().values()) {
      ofImage.forEach((category, found) -> matches.get(category).add(found));
    }
    return matches;
  }

  /** For each image, by ascending id, the classes with an object or detection in it. */
  private TreeMap<Long, Map<Integer, CocoMatches>> matchesByImage() {
    TreeMap<Long, Map<Integer, CocoMatches>> matches = new TreeMap<>(merged);
    images.forEach(
        (imageId, image) -> {
          Map<Integer, Image> byCategory = new TreeMap<>();
          for (CocoAnnotation object : image.objects) {
            part(byCategory, object.categoryId()).objects.add(object);
          }
          for (CocoResult found : image.detections) {
            part(byCategory, found.categoryId()).detections.add(found);
          }
          Map<Integer, CocoMatches> ofImage = new TreeMap<>();
          byCategory.forEach(
              (category, part) ->
                  ofImage.put(category, CocoMatches.of(part.objects, part.detections)));
          matches.put(imageId, ofImage);
        });
    return matches;
  }

  private Image part(Map<Integer, Image> byCategory, long categoryId) {
    return byCategory.computeIfAbsent(
        indexByCategoryId.get(categoryId),
        index -> new Image(new ArrayList<>(), new ArrayList<>()));
  }

  /** The mean over the IoU thresholds; all are -1 or none is. */
  private static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  private static double meanOverClasses(
      List<CocoCurves> curves, ToDoubleFunction<CocoCurves> value) {
    return curves.stream().mapToDouble(value).filter(v -> v > -1).average().orElse(-1);
  }

  private long categoryId(int label) {
    if (label < 1 || label > categories.size()) {
      throw new IllegalArgumentException(
          "label " + label + " has no class: there are " + categories.size());
    }
    return categories.get(label - 1).id();
  }

  private void checkCategory(long categoryId) {
    if (!indexByCategoryId.containsKey(categoryId)) {
      throw new IllegalArgumentException(
          "category id " + categoryId + " is not among the categories of the ground truth");
    }
  }

  private static void checkImage(long imageId, long found) {
    if (imageId != found) {
      throw new IllegalArgumentException(
          "an object of image " + found + " was added to image " + imageId);
    }
  }
}
