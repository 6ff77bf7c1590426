package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.Picture;
import dev.cocoli.detection.Box;
import java.nio.file.Path;
import java.util.List;

/** The regions of a data set's pictures in a file. Safe for many threads; to be closed. */
public final class ProposalFile implements ProposalSource, AutoCloseable {

  private ProposalFile() {}

  /**
   * Opens a file, and checks all of it.
   *
   * @param file what {@link #write} has written
   * @return the file, to be closed by the caller
   * @throws dev.cocoli.data.DataException if it cannot be read, is no such file, of another
   *     version, truncated or damaged, or has a region outside its picture or of no size
   */
  public static ProposalFile read(Path file) {
    throw new UnsupportedOperationException("the next commits bring the file");
  }

  /**
   * Computes the regions of every picture of a data set and writes them; nothing is at the place
   * until all is written.
   *
   * @param file where to; replaced if it is there
   * @param data the pictures
   * @param source where the regions come from
   * @param settings how the source was set, in words, for the record
   * @param threads how many pictures are worked on at once
   */
  public static void write(
      Path file, Dataset data, ProposalSource source, String settings, int threads) {
    throw new UnsupportedOperationException("the next commits bring the file");
  }

  /**
   * Makes sure that the file has the regions of every picture of a data set.
   *
   * @param data the data set
   * @throws dev.cocoli.data.DataException if a picture is missing, or is another by its size
   */
  public void requireFor(Dataset data) {
    throw new UnsupportedOperationException("the next commits bring the file");
  }

  @Override
  public List<Box> proposals(AnnotatedImage image, Picture picture) {
    return proposals(image);
  }

  /**
   * {@return the regions of a picture, the best first}
   *
   * @param image the picture
   * @throws dev.cocoli.data.DataException if the file has none of this name and size
   */
  public List<Box> proposals(AnnotatedImage image) {
    throw new UnsupportedOperationException("the next commits bring the file");
  }

  /** Closes the file. Closing again does nothing. */
  @Override
  public void close() {}
}
