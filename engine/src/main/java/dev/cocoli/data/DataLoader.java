package dev.cocoli.data;

import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

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
  private final ImageDecoder decoder = new ImageDecoder();
  private final ExecutorService workers;
  private final Map<Integer, ImageDecodeException> broken = new ConcurrentHashMap<>();
  private final Map<String, String> reported = Collections.synchronizedMap(new LinkedHashMap<>());
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
    this(dataset, config, (annotated, image) -> List.of(), warnings);
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
    this.workers = Executors.newFixedThreadPool(config.workers(), DataLoader::daemon);
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
        config.lastBatch() == LastBatch.KEEP
            ? Math.ceilDiv(size, config.batchSize())
            : size / config.batchSize();
    if (batches == 0) {
      throw new DataException(
          "the data set has %d image%s, fewer than one batch of %d; lower the batch size"
              .formatted(size, size == 1 ? "" : "s", config.batchSize()));
    }
    return batches;
  }

  /**
   * {@return this replica's shard of a batch of an epoch}
   *
   * @param batch its number in the epoch
   */
  public Shard shard(int batch) {
    int total = Math.min(config.batchSize(), dataset.size() - batch * config.batchSize());
    return Shard.of(total, config.rank(), config.worldSize());
  }

  /**
   * Starts an epoch: all images in random order, randomly flipped, in batches of equal size, except
   * perhaps the last one. Order and flips do not depend on the number of replicas.
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
        batch -> {
          Shard shard = shard(batch);
          int start = batch * config.batchSize() + shard.first();
          List<Decode> work = new ArrayList<>(shard.count());
          for (int position = start; position < start + shard.count(); position++) {
            int own = position;
            work.add(isClosed -> training(order, own, epoch, isClosed));
          }
          return work;
        });
  }

  /**
   * Starts a pass for evaluation: every image once, in the order of the data set, unflipped. The
   * last batch may be smaller. A batch has fewer images, or none, if some cannot be decoded.
   *
   * @return all batches, this replica's shard of each; to be closed by the caller
   */
  public Epoch inOrder() {
    int batches = Math.ceilDiv(dataset.size(), config.batchSize());
    int shard = config.batchSize() / config.worldSize();
    return open(
        0,
        batches,
        batch -> {
          int start = batch * config.batchSize() + config.rank() * shard;
          List<Decode> work = new ArrayList<>(shard);
          for (int index = start; index < Math.min(start + shard, dataset.size()); index++) {
            int own = index;
            work.add(isClosed -> decode(own).map(image -> plain(own, image)));
          }
          return work;
        });
  }

  private synchronized Epoch open(int firstBatch, int batches, Epoch.Plan plan) {
    if (closed) {
      throw new IllegalStateException("the loader is closed");
    }
    Epoch epoch = new Epoch(this, firstBatch, batches, config.prefetchBatches(), plan);
    open.add(epoch);
    return epoch;
  }

  /** An image with its target and proposals; the result of one worker. */
  record Sample(AnnotatedImage annotated, Image image, Target target, List<Box> proposals) {}

  /** Decodes one image of a batch; empty if the image was skipped or the epoch was closed. */
  interface Decode {
    Optional<Sample> sample(BooleanSupplier isClosed);
  }

  Future<Optional<Sample>> submit(Callable<Optional<Sample>> work) {
    return workers.submit(work);
  }

  void forget(Epoch epoch) {
    open.remove(epoch);
  }

  private Optional<Sample> training(
      int[] order, int position, int epoch, BooleanSupplier isClosed) {
    for (int tried = 0; tried < order.length && !isClosed.getAsBoolean(); tried++) {
      int index = order[(position + tried) % order.length];
      Optional<Image> decoded = decode(index);
      if (decoded.isPresent()) {
        boolean flip = EpochOrder.isFlipped(config.seed(), epoch, index, config.flipProbability());
        return Optional.of(flip ? flipped(index, decoded.get()) : plain(index, decoded.get()));
      }
    }
    if (isClosed.getAsBoolean()) {
      return Optional.empty();
    }
    throw new DataException(
        "no image of the data set can be decoded; the first: "
            + broken.values().iterator().next().getMessage());
  }

  /** The sample of an image without a flip. The image is freed if its proposals cannot be read. */
  private Sample plain(int index, Image image) {
    AnnotatedImage annotated = dataset.get(index);
    try {
      return new Sample(
          annotated, image, annotated.target(), proposals.proposals(annotated, image));
    } catch (RuntimeException | Error e) {
      image.close();
      throw e;
    }
  }

  private Sample flipped(int index, Image image) {
    Sample plain = plain(index, image);
    image.flipHorizontal();
    Target target = plain.target();
    int width = image.width();
    return new Sample(
        plain.annotated(),
        image,
        new Target(mirrored(target.boxes(), width), target.labels()),
        mirrored(plain.proposals(), width));
  }

  private static List<Box> mirrored(List<Box> boxes, int width) {
    return boxes.stream()
        .map(box -> new Box(width - box.x2(), box.y1(), width - box.x1(), box.y2()))
        .toList();
  }

  /** Decodes an image; empty if it is broken and the policy is to skip such images. */
  private Optional<Image> decode(int index) {
    if (broken.containsKey(index)) {
      return Optional.empty();
    }
    try {
      return Optional.of(decoder.decode(dataset.get(index)));
    } catch (ImageDecodeException e) {
      if (config.brokenImages() == BrokenImagePolicy.ERROR) {
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
          String message = problem.getMessage();
          if (reported.putIfAbsent(dataset.get(index).path().toString(), message) == null) {
            warnings.accept("skipped an image: " + message);
          }
        });
  }

  /** {@return the images skipped so far: path and reason} */
  public Map<String, String> brokenImages() {
    synchronized (reported) {
      return new LinkedHashMap<>(reported);
    }
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
