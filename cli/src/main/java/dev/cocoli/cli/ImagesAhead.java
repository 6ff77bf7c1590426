package dev.cocoli.cli;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.structures.Box;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Decodes images in their order, the next ones on threads of its own while the caller detects
 * objects in one, and finds their regions if the model needs them. A few decoded images wait at
 * most. One thread takes them.
 */
final class ImagesAhead implements AutoCloseable {
  /**
   * A decoded image, closed by whoever takes it.
   *
   * @param index its number in the command, from 0
   * @param known its entry
   * @param image its pixels
   * @param regions in its pixels; empty for a model that finds its own
   */
  record Decoded(int index, AnnotatedImage known, Image image, List<Box> regions)
      implements AutoCloseable {
    @Override
    public void close() {
      image.close();
    }
  }

  private final DetectedImages images;
  private final ProposalSource proposals;
  private final int most;
  private final ExecutorService threads;
  private final Deque<CompletableFuture<Decoded>> waiting = new ArrayDeque<>();
  private int submitted;
  private int taken;
  private volatile boolean closed;

  /**
   * Begins with the first images.
   *
   * @param images what to decode
   * @param proposals finds the regions of an image; threads call it at once
   * @param most how many images are decoded ahead at most
   * @param threads how many threads decode
   */
  ImagesAhead(DetectedImages images, ProposalSource proposals, int most, int threads) {
    this.images = images;
    this.proposals = proposals;
    this.most = most;
    this.threads =
        Executors.newFixedThreadPool(
            threads, work -> Thread.ofPlatform().name("cocoli-decoder").daemon().unstarted(work));
    submit();
  }

  private void submit() {
    for (; submitted < Math.min(images.size(), taken + most); submitted++) {
      int index = submitted;
      waiting.add(CompletableFuture.supplyAsync(() -> closed ? null : decode(index), threads));
    }
  }

  private Decoded decode(int index) {
    Image image = images.decode(index);
    try {
      AnnotatedImage known = images.known(index, image);
      return new Decoded(index, known, image, proposals.proposals(known, image));
    } catch (RuntimeException | Error e) {
      image.close();
      throw e;
    }
  }

  /** Whether there is another image. */
  boolean hasNext() {
    return taken < images.size();
  }

  /**
   * Waits for the next image.
   *
   * @throws ImageDecodeException if it cannot be decoded; the one after it comes next
   */
  Decoded next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    CompletableFuture<Decoded> head = waiting.remove();
    int index = taken++;
    submit();
    try {
      return head.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case OutOfMemoryError _ -> {
          return decodeAlone(index);
        }
        case RuntimeException problem -> throw problem;
        case Error problem -> throw problem;
        default -> throw e;
      }
    }
  }

  /** Tries once more when no other image is being decoded: an image may need most of the heap. */
  private Decoded decodeAlone(int index) {
    CompletableFuture.allOf(waiting.toArray(CompletableFuture[]::new))
        .exceptionally(_ -> null)
        .join();
    return decode(index);
  }

  /** Waits for the images that are being decoded, and frees those that nobody took. */
  @Override
  public void close() {
    closed = true;
    for (CompletableFuture<Decoded> one : waiting) {
      Decoded decoded = one.exceptionally(_ -> null).join();
      if (decoded != null) {
        decoded.close();
      }
    }
    waiting.clear();
    threads.shutdown();
  }
}
