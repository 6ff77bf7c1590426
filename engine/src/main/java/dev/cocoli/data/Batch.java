package dev.cocoli.data;

import dev.cocoli.data.augment.Sample;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.ArrayList;
import java.util.List;

/**
 * Images that go through the model together, and their ground truth. Its owner closes it, which
 * frees the images.
 *
 * @param index the number of the batch in its epoch, from 0
 * @param shard the part of the whole batch that this is
 * @param annotatedImages the data set's entry for each image, without augmentations; empty if the
 *     images are of no data set
 * @param samples the images with boxes and proposals, after the augmentations
 */
public record Batch(
    int index, Shard shard, List<AnnotatedImage> annotatedImages, List<Sample> samples)
    implements AutoCloseable {

  /** Copies the lists. */
  public Batch {
    annotatedImages = List.copyOf(annotatedImages);
    samples = List.copyOf(samples);
  }

  /**
   * {@return a whole batch of images that do not belong to a data set}
   *
   * @param images the pixels
   * @param targets boxes and labels of each
   */
  public static Batch of(List<Image> images, List<Target> targets) {
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < images.size(); i++) {
      samples.add(new Sample(images.get(i), targets.get(i), List.of()));
    }
    return new Batch(0, Shard.of(samples.size(), 0, 1), List.of(), samples);
  }

  /** {@return the pixels of each image} */
  public List<Image> images() {
    return samples.stream().map(Sample::image).toList();
  }

  /** {@return the boxes and labels of each image} */
  public List<Target> targets() {
    return samples.stream().map(Sample::target).toList();
  }

  /** {@return the proposals of each image; none where the loader was not given any} */
  public List<List<Box>> proposals() {
    return samples.stream().map(Sample::proposals).toList();
  }

  /** {@return the names of the files, for messages} */
  public List<String> fileNames() {
    return annotatedImages.stream().map(AnnotatedImage::fileName).toList();
  }

  /** Frees the images. A second close does nothing. */
  @Override
  public void close() {
    samples.forEach(Sample::close);
  }
}
