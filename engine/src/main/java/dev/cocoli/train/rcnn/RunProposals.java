package dev.cocoli.train.rcnn;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.proposals.CheckedProposals;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Count;
import dev.cocoli.train.TrainingListener;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/**
 * The regions of a data set's images in a run: the user's, or those that selective search finds
 * once and a file in the run folder keeps, because every epoch asks for them again.
 */
public final class RunProposals implements ProposalSource, AutoCloseable {
  /** How often a user is told how far the search is. */
  private static final int TOLD_EVERY = 100;

  private final Dataset data;
  private final Optional<ProposalSource> given;
  private final Path file;
  private final int threads;
  private ProposalSource checked;
  private ProposalFile opened;

  /**
   * Prepares; nothing is read or searched yet.
   *
   * @param data the images
   * @param given the user's regions
   * @param file where regions are kept that the user did not give
   * @param threads how many images are searched at once
   */
  public RunProposals(Dataset data, Optional<ProposalSource> given, Path file, int threads) {
    this.data = data;
    this.given = given;
    this.file = file;
    this.threads = threads;
  }

  /**
   * Checks the user's regions, or finds and keeps them.
   *
   * @param listener told how far the search is
   * @param isStopRequested asked before each image
   * @return false if it was asked to stop; nothing is kept then
   * @throws dev.cocoli.data.DataException if a file of regions is of other images
   */
  public boolean prepare(TrainingListener listener, BooleanSupplier isStopRequested) {
    if (given.isPresent()) {
      if (given.get() instanceof ProposalFile own) {
        own.requireFor(data);
      }
      checked = new CheckedProposals(given.get());
      return true;
    }
    if (!Files.exists(file) && !search(listener, isStopRequested)) {
      return false;
    }
    opened = ProposalFile.read(file);
    opened.requireFor(data);
    checked = opened; // reading checked all
    return true;
  }

  private boolean search(TrainingListener listener, BooleanSupplier isStopRequested) {
    Count images = new Count(data.size(), "image");
    listener.message(
        "finding regions of %s by selective search, once, into %s".formatted(images, file));
    SelectiveSearch search = new SelectiveSearch(SelectiveSearchConfig.fast());
    AtomicInteger done = new AtomicInteger();
    ProposalSource source =
        (annotated, image) -> {
          if (isStopRequested.getAsBoolean()) {
            throw new CancellationException();
          }
          List<Box> found = search.proposals(annotated, image);
          int count = done.incrementAndGet();
          if (count % TOLD_EVERY == 0) {
            listener.message("regions of %,d of %s".formatted(count, images));
          }
          return found;
        };
    try {
      ProposalFile.write(file, data, source, "selective search, fast", threads);
      return true;
    } catch (CancellationException e) {
      return false;
    }
  }

  @Override
  public List<Box> proposals(AnnotatedImage annotated, Image image) {
    return checked.proposals(annotated, image);
  }

  @Override
  public void close() {
    if (opened != null) {
      opened.close();
    }
  }
}
