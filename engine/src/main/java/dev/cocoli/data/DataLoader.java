package dev.cocoli.data;

import dev.cocoli.data.augment.AugmentationContext;
import dev.cocoli.data.augment.Sample;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Count;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/**
 * Decodes the images of a data set on several threads, ahead of their use, and returns them in
 * batches. The batches of an epoch are determined by the seed and the epoch's number; the number of
 * threads and the batch to start with do not change them.
 */
public final class DataLoader implements AutoCloseable {

  private static final AtomicInteger THREADS = new AtomicInteger();

  private final Dataset dataset;
  private final DataLoaderConfig config;
  private final Consumer<String> warnings;
  private final ProposalSource proposals;
  private final ExecutorService workers;
  private final Map<Integer, ImageDecodeException> broken = new ConcurrentHashMap<>();
  private final Set<Integer> reported = ConcurrentHashMap.newKeySet();
  private final Set<Epoch> open = ConcurrentHashMap.newKeySet();
  private boolean closed;

  /**
   * Starts a loader.
   *
   * @param dataset the images
   * @param config batch size, seed, threads
   * @param warnings receives one message per skipped image, on the thread that takes batches
   */
  public DataLoader(Dataset dataset, DataLoaderConfig config, Consumer<String> warnings) {
    this(dataset, config, ProposalSource.NONE, warnings);
  }

  /**
   * Starts a loader that also gets each image's proposals, on the threads that decode.
   *
   * @param dataset the images
   * @param config batch size, seed, threads
   * @param proposals where the regions come from
   * @param warnings receives one message per skipped image, on the thread that takes batches
   */
  public DataLoader(
      Dataset dataset,
      DataLoaderConfig config,
      ProposalSource proposals,
      Consumer<String> warnings) {
    this.dataset = dataset;
    this.config = config;
    this.proposals = proposals;
    this.warnings = warnings;
    this.workers = Executors.newFixedThreadPool(config.data().workers(), DataLoader::daemon);
  }

  private static Thread daemon(Runnable work) {
    return Thread.ofPlatform()
        .name("cocoli-data-" + THREADS.incrementAndGet())
        .daemon()
        .unstarted(work);
  }

  /**
   * {@return the number of batches per epoch, the same for every replica. As in torchvision's
   * reference, images that do not fill a batch are left out, unless {@link LastBatch#KEEP} is set}
   *
   * @throws DataException if there are fewer images than one batch needs
   */
  public int batchesPerEpoch() {
    int size = dataset.size();
    int batches =
        config.data().lastBatch() == LastBatch.KEEP
            ? Math.ceilDiv(size, config.batchSize())
            : size / config.batchSize();
    if (batches == 0) {
      throw new DataException(
          "the data set has %s, fewer than one batch of %d; lower the batch size"
              .formatted(new Count(size, "image"), config.batchSize()));
    }
    return batches;
  }

  /**
   * Starts an epoch: all images in random order, augmented, in batches of equal size, except
   * perhaps the last one. Order and augmentations do not depend on the number of replicas.
   *
   * @param epoch its number, which with the seed determines everything
   * @param firstBatch the batch to start with; those before it are not decoded
   * @return the batches from there on, this replica's shard of each; to be closed by the caller
   */
  public Epoch epoch(int epoch, int firstBatch) {
    int batches = batchesPerEpoch();
    if (firstBatch < 0 || firstBatch > batches) {
      throw new IllegalArgumentException(
          "the epoch has batches 0 to " + (batches - 1) + ", it cannot start with " + firstBatch);
    }
    int[] order = EpochOrder.shuffled(config.seed(), epoch, dataset.size());
    return open(
        firstBatch,
        batches,
        batch -> Shard.of(total(batch), config.rank(), config.worldSize()),
        (position, isClosed) ->
            nextOf(place -> order[place], position, isClosed)
                .map(loaded -> augmented(loaded, epoch)));
  }

  /**
   * Starts a pass for evaluation: every image once, in the order of the data set, not augmented.
   * The last batch may be smaller. A batch has fewer images, or none, if some cannot be decoded.
   *
   * @return all batches, this replica's shard of each; to be closed by the caller
   */
  public Epoch inOrder() {
    int most = config.batchSize() / config.worldSize();
    return open(
        0,
        Math.ceilDiv(dataset.size(), config.batchSize()),
        batch -> {
          int total = total(batch);
          int first = Math.min(total, config.rank() * most);
          return new Shard(first, Math.min(most, total - first), total);
        },
        (position, isClosed) -> load(position));
  }

  /** The number of images of a whole batch. */
  private int total(int batch) {
    return Math.min(config.batchSize(), dataset.size() - batch * config.batchSize());
  }

  private synchronized Epoch open(
      int firstBatch, int batches, IntFunction<Shard> shards, Work work) {
    if (closed) {
      throw new IllegalStateException("the loader is closed");
    }
    Epoch epoch = new Epoch(this, config, firstBatch, batches, shards, work);
    open.add(epoch);
    return epoch;
  }

  /** An image with its target and proposals; the result of one worker. */
  record Loaded(int index, AnnotatedImage annotated, Sample sample) {}

  /** Loads the image at one position of an epoch. */
  interface Work {
    /** The image; empty if it was skipped, or if the epoch was closed meanwhile. */
    Optional<Loaded> load(int position, BooleanSupplier isClosed);
  }

  CompletableFuture<Optional<Loaded>> submit(Supplier<Optional<Loaded>> work) {
    return CompletableFuture.supplyAsync(work, workers);
  }

  void forget(Epoch epoch) {
    open.remove(epoch);
  }

  /** The image at a position of an order, or the next one that can be decoded. */
  private Optional<Loaded> nextOf(IntUnaryOperator order, int position, BooleanSupplier isClosed) {
    for (int tried = 0; tried < dataset.size() && !isClosed.getAsBoolean(); tried++) {
      Optional<Loaded> loaded = load(order.applyAsInt((position + tried) % dataset.size()));
      if (loaded.isPresent()) {
        return loaded;
      }
    }
    if (isClosed.getAsBoolean()) {
      return Optional.empty();
    }
    throw new DataException(
        "no image of the data set can be decoded; the first: "
            + broken.values().iterator().next().getMessage());
  }

  /** An image with its proposals. The image is freed if these cannot be read. */
  private Optional<Loaded> load(int index) {
    Optional<Image> decoded = decode(index);
    if (decoded.isEmpty()) {
      return Optional.empty();
    }
    Image image = decoded.get();
    try {
      AnnotatedImage annotated = dataset.get(index);
      if (image.width() != annotated.width() || image.height() != annotated.height()) {
        throw new DataException(
            "%s: its pixels are %d x %d, its annotations are for %d x %d"
                .formatted(
                    DatasetCheck.place(index, annotated),
                    image.width(),
                    image.height(),
                    annotated.width(),
                    annotated.height()));
      }
      List<Box> regions = proposals.proposals(annotated, image);
      return Optional.of(
          new Loaded(index, annotated, new Sample(image, annotated.target(), regions)));
    } catch (RuntimeException | Error e) {
      image.close();
      throw e;
    }
  }

  private Loaded augmented(Loaded loaded, int epoch) {
    Sample sample = loaded.sample();
    try {
      for (int place = 0; place < config.data().augmentations().size(); place++) {
        RandomGenerator random = EpochOrder.random(config.seed(), epoch, loaded.index(), place);
        sample = config.data().augmentations().get(place).apply(sample, new Context(random));
      }
      return new Loaded(loaded.index(), loaded.annotated(), sample);
    } catch (RuntimeException | Error e) {
      sample.close();
      throw e;
    }
  }

  /** Gives an augmentation its random numbers and other images. */
  private final class Context implements AugmentationContext {
    private final RandomGenerator random;

    Context(RandomGenerator random) {
      this.random = random;
    }

    @Override
    public RandomGenerator random() {
      return random;
    }

    @Override
    public int imageCount() {
      return dataset.size();
    }

    @Override
    public Sample sample(int index) {
      Objects.checkIndex(index, dataset.size());
      return nextOf(place -> place, index, () -> false).orElseThrow().sample();
    }
  }

  /** Decodes an image; empty if it is broken and the policy is to skip such images. */
  private Optional<Image> decode(int index) {
    if (broken.containsKey(index)) {
      return Optional.empty();
    }
    try {
      return Optional.of(dataset.image(index));
    } catch (ImageDecodeException e) {
      if (config.data().brokenImages() == BrokenImagePolicy.ERROR) {
        throw e;
      }
      broken.put(index, e);
      return Optional.empty();
    }
  }

  /** Sends a warning about each broken image that was not reported yet. */
  void reportBroken() {
    if (broken.size() == reported.size()) {
      return;
    }
    broken.forEach(
        (index, problem) -> {
          if (reported.add(index)) {
            warnings.accept("skipped an image: " + problem.getMessage());
          }
        });
  }

  /** Stops the threads and closes the open epochs, which frees all images that were not taken. */
  @Override
  public synchronized void close() {
    closed = true;
    for (Epoch epoch : List.copyOf(open)) {
      epoch.close();
    }
    workers.close();
  }
}
