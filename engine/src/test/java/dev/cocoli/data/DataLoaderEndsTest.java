package dev.cocoli.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.data.image.Image;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How far a loader decodes ahead, and how an epoch ends. */
class DataLoaderEndsTest extends DataLoaderCases {
  /** A data set that counts its reads; the loader reads an entry when it decodes the image. */
  private record Counting(Dataset inner, AtomicInteger decoded) implements Dataset {
    @Override
    public List<String> classNames() {
      return inner.classNames();
    }

    @Override
    public int size() {
      return inner.size() * 100;
    }

    @Override
    public AnnotatedImage get(int index) {
      decoded.incrementAndGet();
      return inner.get(index % inner.size());
    }

    @Override
    public AnnotationReport report() {
      return inner.report();
    }
  }

  @Test
  void decodesNoFurtherAheadThanAllowed() throws InterruptedException {
    int byteSize = 3 * WIDTH * 30;
    Dataset many = new Counting(dataset, new AtomicInteger());
    try (DataLoader loader = new DataLoader(many, config(4), DataLoaderCases::unexpected);
        Epoch epoch = loader.epoch(0, 0)) {
      for (int i = 0; i < 5; i++) {
        epoch.next().close();
        Thread.sleep(100); // time to overrun the bound
        long held = Image.allocatedByteSize() - allocatedBefore;
        assertTrue(held <= 2L * 4 * byteSize, held / byteSize + " images are held");
      }
      assertTrue(epoch.waitNanos() > 0);
    }
  }

  private static long workerThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("cocoli-data-"))
        .peek(thread -> assertTrue(thread.isDaemon()))
        .count();
  }

  @Test
  void closingInTheMiddleStopsAndFreesAll() throws InterruptedException {
    DataLoader loader = loader(config(2));
    Epoch epoch = loader.epoch(0, 0);
    Batch taken = epoch.next();
    assertTrue(workerThreads() > 0);
    loader.close();
    loader.close();
    assertFalse(epoch.hasNext());
    assertThrows(NoSuchElementException.class, epoch::next);
    assertThrows(IllegalStateException.class, () -> loader.epoch(1, 0));
    assertEquals(
        allocatedBefore + 2L * 3 * WIDTH * 30,
        Image.allocatedByteSize(),
        "what was handed out is the taker's");
    taken.close();
    taken.close();
    for (int i = 0; i < 3000 && workerThreads() > 0; i++) {
      Thread.sleep(20); // a thread that has ended is still listed for a moment
    }
    assertEquals(0, workerThreads());
  }

  @Test
  void closingFromAnotherThreadEndsTheWait() throws InterruptedException {
    for (int round = 0; round < 30; round++) {
      Dataset many = new Counting(dataset, new AtomicInteger());
      DataLoader loader = new DataLoader(many, config(8), DataLoaderCases::unexpected);
      Thread closer = Thread.ofPlatform().start(loader::close);
      try (Epoch epoch = loader.epoch(0, 0)) {
        while (epoch.hasNext()) {
          Batch batch = epoch.next();
          int size = batch.images().size();
          batch.close();
          assertEquals(8, size, "a batch is whole or is not");
        }
      } catch (NoSuchElementException | IllegalStateException e) {
        // closed before, between or during batches
      }
      closer.join();
      nothingIsLeft();
    }
  }

  /**
   * Covers the case that the batch is ready, so that the result does not depend on the decoders'
   * speed.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 300})
  void anInterruptEndsTheWait(int headStartMillis) throws InterruptedException {
    try (DataLoader loader = loader(config(2));
        Epoch epoch = loader.epoch(0, 0)) {
      Thread.sleep(headStartMillis);
      Thread.currentThread().interrupt();
      assertThrows(CancellationException.class, epoch::next);
      assertTrue(Thread.interrupted());
      nothingIsLeft();
    }
  }

  @Test
  void refusesSettingsOutOfRange() {
    assertThrows(IllegalArgumentException.class, () -> DataLoaderConfig.of(0));
    assertThrows(IllegalArgumentException.class, () -> new HorizontalFlip(1.1));
    assertThrows(IllegalArgumentException.class, () -> new HorizontalFlip(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> DataConfig.DEFAULT.withWorkers(0));
    assertThrows(IllegalArgumentException.class, () -> DataConfig.DEFAULT.withPrefetchBatches(-1));
  }
}
