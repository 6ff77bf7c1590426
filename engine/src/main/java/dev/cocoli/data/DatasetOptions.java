package dev.cocoli.data;

import dev.cocoli.data.formats.BoxConvention;
import dev.cocoli.structures.CocoField;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The options for opening a data set.
 *
 * @param classNames the classes, the first becoming label 1; empty to find them in the data
 * @param policy what to do with annotations that cannot be trained on
 * @param boxes the meaning of the numbers of VOC boxes; COCO has only one
 * @param validationFraction the part of the images, from 0 to less than 1, that is the split {@code
 *     val} of a folder of VOC annotations without lists
 * @param fields the fields of COCO files that are read besides the boxes; each has its own name
 */
public record DatasetOptions(
    List<String> classNames,
    AnnotationPolicy policy,
    BoxConvention boxes,
    double validationFraction,
    List<CocoField<?>> fields) {

  /** Classes found in the data, bad annotations dropped, boxes as they are written, a tenth. */
  public static final DatasetOptions DEFAULT =
      new DatasetOptions(
          List.of(), AnnotationPolicy.DROP, BoxConvention.AS_WRITTEN, 0.1, List.of());

  /** torchvision's name for unused category ids of COCO; the only name that may be repeated. */
  private static final String HOLE = "N/A";

  /** Copies the lists, and checks the fraction and that no class is given twice. */
  public DatasetOptions {
    if (!(validationFraction >= 0 && validationFraction < 1)) {
      throw new IllegalArgumentException(
          "the fraction for validation is from 0 to less than 1, not " + validationFraction);
    }
    classNames = List.copyOf(classNames);
    fields = List.copyOf(fields);
    Set<String> seen = new HashSet<>();
    for (String name : classNames) {
      if (!seen.add(name) && !name.equals(HOLE)) {
        throw new IllegalArgumentException("the class '" + name + "' is given twice");
      }
    }
  }

  /**
   * {@return these options with other class names}
   *
   * @param names the classes, the first becoming label 1; empty to find them in the data
   */
  public DatasetOptions withClassNames(List<String> names) {
    return new DatasetOptions(names, policy, boxes, validationFraction, fields);
  }

  /**
   * {@return these options with another policy}
   *
   * @param other what to do with annotations that cannot be trained on
   */
  public DatasetOptions withPolicy(AnnotationPolicy other) {
    return new DatasetOptions(classNames, other, boxes, validationFraction, fields);
  }

  /**
   * {@return these options with another convention}
   *
   * @param other the meaning of the numbers of VOC boxes
   */
  public DatasetOptions withBoxes(BoxConvention other) {
    return new DatasetOptions(classNames, policy, other, validationFraction, fields);
  }

  /**
   * {@return these options with another division of folders without lists}
   *
   * @param fraction the part of the images that is the split {@code val}, from 0 to less than 1
   */
  public DatasetOptions withValidationFraction(double fraction) {
    return new DatasetOptions(classNames, policy, boxes, fraction, fields);
  }

  /**
   * {@return these options with other fields}
   *
   * @param others the fields of COCO files that are read besides the boxes
   */
  public DatasetOptions withFields(List<CocoField<?>> others) {
    return new DatasetOptions(classNames, policy, boxes, validationFraction, others);
  }
}
