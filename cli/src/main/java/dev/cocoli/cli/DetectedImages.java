package dev.cocoli.cli;

import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.eval.CocoCategory;
import dev.cocoli.structures.Count;
import dev.cocoli.structures.Detection;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The images that are detected on: files, which are counted from 0, or those of a data set, which
 * keep its ids of images and categories and the way up that its boxes have.
 *
 * @param paths the files
 * @param data the data set, or null
 */
record DetectedImages(List<Path> paths, Dataset data) {

  /** Returns images that are files. */
  static DetectedImages of(List<Path> files) {
    return new DetectedImages(files, null);
  }

  /** Returns the images of a data set. */
  static DetectedImages of(Dataset data) {
    return new DetectedImages(
        IntStream.range(0, data.size()).mapToObj(index -> data.get(index).path()).toList(), data);
  }

  int size() {
    return paths.size();
  }

  /** Decodes an image, to be closed by the caller. */
  Image decode(int index) {
    ImageDecoder decoder = new ImageDecoder();
    return data == null ? decoder.decode(paths.get(index)) : decoder.decode(data.get(index));
  }

  /** Returns an image's entry, by which a file of proposals and results know it. */
  AnnotatedImage known(int index, Image image) {
    Path path = paths.get(index);
    return data != null
        ? data.get(index)
        : new AnnotatedImage(
            index, path.getFileName().toString(), path, image.width(), image.height(), List.of());
  }

  /**
   * Returns the categories of a model's classes.
   *
   * @param model the model
   * @param nameless whether its classes have only numbers, which are then those of the data set
   */
  Categories categories(ModelSpec model, boolean nameless) {
    List<CocoCategory> categories = new ArrayList<>();
    Set<Integer> missing = new LinkedHashSet<>();
    for (String name : model.classNames()) {
      int label = categories.size() + 1;
      if (data == null) {
        categories.add(new CocoCategory(label, name));
        continue;
      }
      int known = nameless ? label : data.classNames().indexOf(name) + 1;
      boolean isThere = known >= 1 && known <= data.classNames().size();
      OptionalInt id = isThere ? data.categoryId(known) : OptionalInt.empty();
      if (id.isEmpty()) {
        missing.add(label);
      }
      categories.add(
          new CocoCategory(id.orElse(-1), isThere ? data.classNames().get(known - 1) : name));
    }
    if (missing.size() == categories.size() || nameless && !missing.isEmpty()) {
      throw new CommandException(
          "the class '%s' of the weights is none of the data's (%s)"
              .formatted(
                  model.classNames().get(missing.iterator().next() - 1),
                  String.join(", ", data.classNames())));
    }
    return new Categories(categories, missing);
  }

  /**
   * The categories of a model's classes in results.
   *
   * @param all in the order of the model's classes
   * @param missing the labels of those that the data set does not have, and so has no ids for
   */
  record Categories(List<CocoCategory> all, Set<Integer> missing) {
    /** The number of classes that a note names. */
    private static final int NAMED = 5;

    /** Returns the detections that results can have. */
    List<Detection> known(List<Detection> found) {
      return missing.isEmpty()
          ? found
          : found.stream().filter(one -> !missing.contains(one.label())).toList();
    }

    /** Says which classes are left out of results. */
    void note(Path json, PrintWriter notes) {
      if (!missing.isEmpty()) {
        List<String> names =
            missing.stream().limit(NAMED).map(label -> all.get(label - 1).name()).toList();
        notes.printf(
            "note: %s of the weights %s none of the data's and left out of %s: %s%s%n",
            new Count(missing.size(), "class"),
            missing.size() == 1 ? "is" : "are",
            json,
            String.join(", ", names),
            missing.size() > names.size() ? ", ..." : "");
      }
    }
  }
}
