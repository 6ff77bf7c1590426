package dev.cocoli.data;

import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.List;

/**
 * Images that go through the model together, and their ground truth. Its owner closes it, which
 * frees the images.
 *
 * @param index the number of the batch in its epoch, from 0
 * @param annotatedImages the data set's entry for each image; as written, not flipped
 * @param images the pixels, some of them randomly flipped
 * @param targets boxes and labels, flipped like the images
 * @param proposals regions that may hold an object, flipped like the images; empty if the loader
 *     has no source of proposals
 */
public record Batch(
    int index,
    List<AnnotatedImage> annotatedImages,
    List<Image> images,
    List<Target> targets,
    List<List<Box>> proposals)
    implements AutoCloseable {

  /** Copies the lists. */
  public Batch {
    annotatedImages = List.copyOf(annotatedImages);
    images = List.copyOf(images);
    targets = List.copyOf(targets);
    proposals = List.copyOf(proposals);
  }

  /** {@return the names of the files, for messages} */
  public List<String> fileNames() {
    return annotatedImages.stream().map(AnnotatedImage::fileName).toList();
  }

  /** Frees the images. A second close does nothing. */
  @Override
  public void close() {
    images.forEach(Image::close);
  }
}
