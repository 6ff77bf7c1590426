package dev.cocoli.data;

import dev.cocoli.data.DataLoader.Decode;
import dev.cocoli.data.DataLoader.Sample;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/**
 * The batches of one pass over a data set. Work is given to the threads only as batches are taken,
 * so that at most the prefetched batches and the one being taken are in memory. One thread takes
 * the batches; another may call {@link #close}.
 */
public final class Epoch implements Iterator<Batch>, AutoCloseable {

  /** Makes the decoding tasks of a batch. */
  interface Plan {
    List<Decode> batch(int index);
  }

  private final DataLoader loader;
  private final int batchCount;
  private final int prefetchBatches;
  private final Plan plan;
  private final Deque<List<Future<Optional<Sample>>>> ahead = new ArrayDeque<>();
  private int submitted;
  private int taken;
  private volatile long waitNanos;
  private volatile boolean closed;

  Epoch(DataLoader loader, int firstBatch, int batchCount, int prefetchBatches, Plan plan) {
    this.loader = loader;
    this.submitted = firstBatch;
    this.taken = firstBatch;
    this.batchCount = batchCount;
    this.prefetchBatches = prefetchBatches;
    this.plan = plan;
    submit(prefetchBatches);
  }

  /** {@return the number of batches of the whole pass, those before the first included} */
  public int batchCount() {
    return batchCount;
  }

  /** {@return the total time in nanoseconds that {@link #next} has waited for images} */
  public long waitNanos() {
    return waitNanos;
  }

  @Override
  public synchronized boolean hasNext() {
    return !closed && taken < batchCount;
  }

  /**
   * {@return the next batch, to be closed by the caller}
   *
   * @throws ImageDecodeException if an image cannot be decoded and the policy is to stop
   * @throws DataException if no image can be decoded
   * @throws CancellationException if the thread is interrupted (its interrupt status stays set), or
   *     another thread closes the epoch; either ends the epoch
   */
  @Override
  public synchronized Batch next() {
    if (!hasNext()) {
      throw new NoSuchElementException(closed ? "the epoch is closed" : "the epoch is over");
    }
    submit(prefetchBatches + 1);
    List<Future<Optional<Sample>>> head = ahead.removeFirst();
    long began = System.nanoTime();
    List<Sample> samples = collect(head);
    waitNanos += System.nanoTime() - began;
    if (closed) { // by another thread, so that images not decoded by then are missing
      samples.forEach(sample -> sample.image().close());
      throw new CancellationException("the epoch was closed while batch " + taken + " was awaited");
    }
    int index = taken++;
    submit(prefetchBatches);
    loader.reportBroken();
    List<Image> images = samples.stream().map(Sample::image).toList();
    List<AnnotatedImage> annotatedImages = samples.stream().map(Sample::annotated).toList();
    List<Target> targets = samples.stream().map(Sample::target).toList();
    List<List<Box>> proposals = samples.stream().map(Sample::proposals).toList();
    return new Batch(index, annotatedImages, images, targets, proposals);
  }

  /** {@return whether {@link #next} would return a whole batch without waiting or failing} */
  public synchronized boolean isNextReady() {
    return hasNext()
        && !ahead.isEmpty()
        && ahead.getFirst().stream()
            .allMatch(
                future -> future.state() == Future.State.SUCCESS && future.resultNow().isPresent());
  }

  private void submit(int batches) {
    while (!closed && ahead.size() < batches && submitted < batchCount) {
      List<Future<Optional<Sample>>> futures = new ArrayList<>();
      for (Decode work : plan.batch(submitted)) {
        futures.add(loader.submit(() -> closed ? Optional.empty() : work.sample(() -> closed)));
      }
      ahead.addLast(futures);
      submitted++;
    }
  }

  /** Waits for a whole batch. If an image fails, frees the others and stops the epoch. */
  private List<Sample> collect(List<Future<Optional<Sample>>> futures) {
    List<Sample> samples = new ArrayList<>(futures.size());
    try {
      if (Thread.interrupted()) { // a completed future does not check
        throw new InterruptedException();
      }
      for (Future<Optional<Sample>> future : futures) {
        future.get().ifPresent(samples::add);
      }
      return samples;
    } catch (InterruptedException e) {
      ahead.addFirst(futures);
      close();
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for batch " + taken);
    } catch (ExecutionException e) {
      ahead.addFirst(futures);
      close();
      switch (e.getCause()) {
        case RuntimeException problem -> throw problem;
        case Error problem -> throw problem;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** Stops decoding and frees all images that were not taken. A second close does nothing. */
  @Override
  public void close() {
    closed = true; // before the lock: whoever holds it waits for work that this ends
    synchronized (this) {
      ahead.forEach(futures -> futures.forEach(Epoch::free));
      ahead.clear();
    }
    loader.forget(this);
  }

  /** Waits for a decoder in progress, which cannot be interrupted, and frees its image. */
  private static void free(Future<Optional<Sample>> future) {
    boolean interrupted = false;
    while (true) {
      try {
        future.get().ifPresent(sample -> sample.image().close());
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      } catch (ExecutionException | CancellationException e) {
        break; // there is no image
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
