package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.structures.Box;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Computes the regions of a data set's images, several at a time, and returns them in the images'
 * order. At most twice as many images as threads are in progress.
 */
final class ProposalRun implements AutoCloseable {
  private final Dataset data;
  private final ProposalSource source;
  private final int ahead;
  private final ExecutorService workers;

  ProposalRun(Dataset data, ProposalSource source, int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads is at least 1, not " + threads);
    }
    this.data = data;
    this.source = source;
    this.ahead = 2 * threads;
    workers = Executors.newFixedThreadPool(threads);
  }

  void writeTo(ProposalWriter writer, ProposalListener listener) throws IOException {
    Deque<Future<List<Box>>> begun = new ArrayDeque<>();
    for (int taken = 0, submitted = 0; taken < data.size(); taken++) {
      for (; submitted < data.size() && begun.size() < ahead; submitted++) {
        int index = submitted;
        begun.addLast(workers.submit(() -> search(index)));
      }
      write(data.get(taken), begun.removeFirst(), writer, listener);
    }
  }

  private List<Box> search(int index) {
    try (Image image = data.image(index)) {
      return source.proposals(data.get(index), image);
    }
  }

  private void write(
      AnnotatedImage annotated,
      Future<List<Box>> searched,
      ProposalWriter writer,
      ProposalListener listener)
      throws IOException {
    try {
      if (Thread.interrupted()) { // a completed future does not check
        throw new InterruptedException();
      }
      List<Box> boxes = searched.get();
      writer.add(annotated, boxes);
      listener.done(annotated, boxes);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted at " + annotated.fileName());
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case ImageDecodeException problem -> {
          writer.add(annotated, List.of());
          listener.broken(annotated, problem);
        }
        case RuntimeException problem -> throw problem;
        case Error problem -> throw problem;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** Stops the work in progress. */
  @Override
  public void close() {
    workers.shutdownNow();
    workers.close();
  }
}
