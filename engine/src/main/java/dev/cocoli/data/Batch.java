package dev.cocoli.data;

import dev.cocoli.data.image.Picture;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.List;

/**
 * Pictures that go through the model together, and what is to be learned from each. Who takes the
 * batch closes it, which frees the pictures.
 *
 * @param index the number of the batch in its epoch, from 0
 * @param images what the data set says of each picture; as written, not flipped
 * @param pictures the pixels, flipped where chance said so
 * @param targets boxes and labels, flipped along with the pictures
 * @param proposals regions that may hold an object, flipped along with the pictures; none where the
 *     loader was not told where to get them
 */
public record Batch(
    int index,
    List<AnnotatedImage> images,
    List<Picture> pictures,
    List<Target> targets,
    List<List<Box>> proposals)
    implements AutoCloseable {

  /** Copies the lists. */
  public Batch {
    images = List.copyOf(images);
    pictures = List.copyOf(pictures);
    targets = List.copyOf(targets);
    proposals = List.copyOf(proposals);
  }

  /** {@return the names of the files, for messages} */
  public List<String> fileNames() {
    return images.stream().map(AnnotatedImage::fileName).toList();
  }

  /** Frees the pictures. Closing again does nothing. */
  @Override
  public void close() {
    pictures.forEach(Picture::close);
  }
}
