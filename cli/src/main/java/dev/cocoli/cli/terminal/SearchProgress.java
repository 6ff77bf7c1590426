package dev.cocoli.cli.terminal;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.proposals.ProposalListener;
import dev.cocoli.eval.ProposalRecall;
import dev.cocoli.structures.Box;
import java.io.PrintWriter;
import java.util.List;

/** Shows how far a search for regions is, and counts the objects that the regions cover. */
public final class SearchProgress implements ProposalListener {
  private final ImagesBar bar;
  private final PrintWriter err;
  private final ProposalRecall recall = new ProposalRecall();

  /**
   * Prepares it.
   *
   * @param bar counts the images
   * @param err for the images that cannot be decoded
   */
  public SearchProgress(ImagesBar bar, PrintWriter err) {
    this.bar = bar;
    this.err = err;
  }

  @Override
  public void done(AnnotatedImage image, List<Box> regions) {
    recall.add(image.target().boxes(), regions);
    bar.step();
  }

  @Override
  public void broken(AnnotatedImage image, ImageDecodeException problem) {
    err.println("cocoli: no regions of an image: " + ErrorMessages.of(problem));
    recall.add(image.target().boxes(), List.of());
    bar.step();
  }

  /** Returns how many of the annotated objects the regions cover. */
  public ProposalRecall recall() {
    return recall;
  }
}
