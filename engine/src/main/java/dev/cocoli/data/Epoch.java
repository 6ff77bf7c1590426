package dev.cocoli.data;

import dev.cocoli.data.DataLoader.Loaded;
import dev.cocoli.data.DataLoader.Work;
import dev.cocoli.data.image.ImageDecodeException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.IntFunction;

/**
 * The batches of one pass over a data set. Work is given to the threads only as batches are taken,
 * so that at most the prefetched batches and the one being taken are in memory. One thread takes
 * the batches; another may call {@link #close}.
 */
public final class Epoch implements Iterator<Batch>, AutoCloseable {

  /** A batch whose images are being decoded. */
  private record Pending(Shard shard, List<CompletableFuture<Optional<Loaded>>> images) {}

  private final DataLoader loader;
  private final DataLoaderConfig config;
  private final int batchCount;
  private final IntFunction<Shard> shards;
  private final Work work;
  private final Deque<Pending> ahead = new ArrayDeque<>();
  private int submitted;
  private int taken;
  private volatile long waitNanos;
  private volatile boolean closed;

  Epoch(
      DataLoader loader,
      DataLoaderConfig config,
      int firstBatch,
      int batchCount,
      IntFunction<Shard> shards,
      Work work) {
    this.loader = loader;
    this.config = config;
    this.submitted = firstBatch;
    this.taken = firstBatch;
    this.batchCount = batchCount;
    this.shards = shards;
    this.work = work;
    submit(config.data().prefetchBatches());
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
    submit(config.data().prefetchBatches() + 1);
    Pending head = ahead.removeFirst();
    long began = System.nanoTime();
    List<Loaded> images = collect(head);
    waitNanos += System.nanoTime() - began;
    if (closed) { // by another thread, so that images not decoded by then are missing
      images.forEach(loaded -> loaded.sample().close());
      throw new CancellationException("the epoch was closed while batch " + taken + " was awaited");
    }
    int index = taken++;
    submit(config.data().prefetchBatches());
    loader.reportBroken();
    return new Batch(
        index,
        head.shard(),
        images.stream().map(Loaded::annotated).toList(),
        images.stream().map(Loaded::sample).toList());
  }

  /** {@return whether {@link #next} would return a whole batch without waiting or failing} */
  public synchronized boolean isNextReady() {
    return hasNext()
        && !ahead.isEmpty()
        && ahead.getFirst().images().stream()
            .allMatch(
                future -> future.state() == Future.State.SUCCESS && future.resultNow().isPresent());
  }

  private void submit(int batches) {
    while (!closed && ahead.size() < batches && submitted < batchCount) {
      Shard shard = shards.apply(submitted);
      int start = submitted * config.batchSize() + shard.first();
      List<CompletableFuture<Optional<Loaded>>> images = new ArrayList<>(shard.count());
      for (int i = 0; i < shard.count(); i++) {
        int position = start + i;
        images.add(
            loader.submit(() -> closed ? Optional.empty() : work.load(position, () -> closed)));
      }
      ahead.addLast(new Pending(shard, images));
      submitted++;
    }
  }

  /** Waits for a whole batch. If an image fails, frees the others and stops the epoch. */
  private List<Loaded> collect(Pending batch) {
    List<Loaded> loaded = new ArrayList<>(batch.images().size());
    try {
      if (Thread.interrupted()) { // a completed future does not check
        throw new InterruptedException();
      }
      for (Future<Optional<Loaded>> image : batch.images()) {
        image.get().ifPresent(loaded::add);
      }
      return loaded;
    } catch (InterruptedException e) {
      ahead.addFirst(batch);
      close();
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for batch " + taken);
    } catch (ExecutionException e) {
      ahead.addFirst(batch);
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
      ahead.forEach(batch -> batch.images().forEach(Epoch::free));
      ahead.clear();
    }
    loader.forget(this);
  }

  /** Waits for a decoder in progress, which cannot be interrupted, and frees its image. */
  private static void free(CompletableFuture<Optional<Loaded>> future) {
    future.exceptionally(_ -> Optional.empty()).join().ifPresent(loaded -> loaded.sample().close());
  }
}
