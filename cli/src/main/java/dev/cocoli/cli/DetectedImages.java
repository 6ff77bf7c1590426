package dev.cocoli.cli;

import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.eval.CocoCategory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
   * Returns the categories of a model's classes, in their order.
   *
   * @param model the model
   * @param nameless whether its classes have only numbers, which are then those of the data set
   */
  List<CocoCategory> categories(ModelSpec model, boolean nameless) {
    List<CocoCategory> categories = new ArrayList<>();
    for (String name : model.classNames()) {
      int label = categories.size() + 1;
      if (data == null) {
        categories.add(new CocoCategory(label, name));
        continue;
      }
      int known = nameless ? label : data.classNames().indexOf(name) + 1;
      if (known < 1 || known > data.classNames().size()) {
        throw new CommandException(
            "the class '%s' of the weights is none of the data's (%s)"
                .formatted(name, String.join(", ", data.classNames())));
      }
      categories.add(new CocoCategory(data.categoryId(known), data.classNames().get(known - 1)));
    }
    return categories;
  }
}
