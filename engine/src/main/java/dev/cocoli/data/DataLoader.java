package dev.cocoli.data;

import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.image.Picture;
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
 * Decodes the pictures of a data set on a few threads, ahead of their use, and hands them out in
 * batches. What an epoch delivers is determined by the seed and the epoch's number: how many
 * threads there are, and at which batch one starts, changes nothing.
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
   * @param dataset the pictures
   * @param config batch size, seed, threads
   * @param warnings told once of each picture that was skipped, on the thread that takes batches
   */
  public DataLoader(Dataset dataset, DataLoaderConfig config, Consumer<String> warnings) {
    this(dataset, config, (image, picture) -> List.of(), warnings);
  }

  /**
   * Starts a loader that also gets each picture's proposals, on the threads that decode.
   *
   * @param dataset the pictures
   * @param config batch size, seed, threads
   * @param proposals where the regions come from
   * @param warnings told once of each picture that was skipped, on the thread that takes batches
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
   * {@return the number of batches of an epoch, the same for every replica; as in torchvision's
   * reference, pictures that do not fill a batch wait for another epoch, unless the last one is
   * kept}
   *
   * @throws DataException if there are fewer pictures than one batch needs
   */
  public int batchesPerEpoch() {
    int size = dataset.size();
    int batches =
        config.lastBatch() == LastBatch.KEEP
            ? Math.ceilDiv(size, config.batchSize())
            : size / config.batchSize();
    if (batches == 0) {
      throw new DataException(
          "the data set has %d picture%s, fewer than one batch of %d; lower the batch size"
              .formatted(size, size == 1 ? "" : "s", config.batchSize()));
    }
    return batches;
  }

  /**
   * {@return this replica's share of a batch of an epoch}
   *
   * @param batch its number in the epoch
   */
  public Share share(int batch) {
    int total = Math.min(config.batchSize(), dataset.size() - batch * config.batchSize());
    return Share.of(total, config.rank(), config.worldSize());
  }

  /**
   * Starts an epoch: all pictures in random order, randomly flipped, in batches of equal size but
   * perhaps for the last. Order and flips do not depend on how many replicas share them.
   *
   * @param epoch its number, which with the seed determines everything
   * @param firstBatch the batch to start with; those before it are not decoded
   * @return the batches from there on, this replica's share of each; to be closed by the caller
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
          Share share = share(batch);
          int start = batch * config.batchSize() + share.first();
          List<Decode> work = new ArrayList<>(share.count());
          for (int position = start; position < start + share.count(); position++) {
            int own = position;
            work.add(isClosed -> training(order, own, epoch, isClosed));
          }
          return work;
        });
  }

  /**
   * Starts a pass for scoring: every picture once, in the order of the data set, unflipped; the
   * last batch may be smaller, and a batch has fewer pictures, or none, where some could not be
   * decoded.
   *
   * @return all batches, this replica's share of each; to be closed by the caller
   */
  public Epoch inOrder() {
    int batches = Math.ceilDiv(dataset.size(), config.batchSize());
    int share = config.batchSize() / config.worldSize();
    return open(
        0,
        batches,
        batch -> {
          int start = batch * config.batchSize() + config.rank() * share;
          List<Decode> work = new ArrayList<>(share);
          for (int index = start; index < Math.min(start + share, dataset.size()); index++) {
            int own = index;
            work.add(isClosed -> decode(own).map(picture -> plain(own, picture)));
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

  /** A picture with what belongs to it; the result of a worker. */
  record Sample(AnnotatedImage image, Picture picture, Target target, List<Box> proposals) {}

  /**
   * Work for one place of a batch; empty if its picture was skipped, or if the epoch was closed
   * meanwhile.
   */
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
      Optional<Picture> decoded = decode(index);
      if (decoded.isPresent()) {
        boolean flip = EpochOrder.isFlipped(config.seed(), epoch, index, config.flipProbability());
        return Optional.of(flip ? flipped(index, decoded.get()) : plain(index, decoded.get()));
      }
    }
    if (isClosed.getAsBoolean()) {
      return Optional.empty();
    }
    throw new DataException(
        "no picture of the data set can be decoded; the first: "
            + broken.values().iterator().next().getMessage());
  }

  /** The sample of a picture, which is freed if its regions cannot be had. */
  private Sample plain(int index, Picture picture) {
    AnnotatedImage image = dataset.get(index);
    try {
      return new Sample(image, picture, image.target(), proposals.proposals(image, picture));
    } catch (RuntimeException | Error e) {
      picture.close();
      throw e;
    }
  }

  private Sample flipped(int index, Picture picture) {
    Sample plain = plain(index, picture);
    picture.flipHorizontal();
    Target target = plain.target();
    int width = picture.width();
    return new Sample(
        plain.image(),
        picture,
        new Target(mirrored(target.boxes(), width), target.labels()),
        mirrored(plain.proposals(), width));
  }

  private static List<Box> mirrored(List<Box> boxes, int width) {
    return boxes.stream()
        .map(box -> new Box(width - box.x2(), box.y1(), width - box.x1(), box.y2()))
        .toList();
  }

  /** A picture, or nothing if it is broken and such pictures are skipped. */
  private Optional<Picture> decode(int index) {
    if (broken.containsKey(index)) {
      return Optional.empty();
    }
    try {
      return Optional.of(decoder.decode(dataset.get(index)));
    } catch (ImageDecodeException e) {
      if (config.brokenPictures() == BrokenPicturePolicy.ERROR) {
        throw e;
      }
      broken.put(index, e);
      return Optional.empty();
    }
  }

  /** Tells of the broken pictures that were not told of yet. */
  void reportBroken() {
    if (broken.size() == reported.size()) {
      return;
    }
    broken.forEach(
        (index, problem) -> {
          String message = problem.getMessage();
          if (reported.putIfAbsent(dataset.get(index).path().toString(), message) == null) {
            warnings.accept("skipped a picture: " + message);
          }
        });
  }

  /** {@return the pictures that were skipped so far: path and what is wrong} */
  public Map<String, String> brokenPictures() {
    synchronized (reported) {
      return new LinkedHashMap<>(reported);
    }
  }

  /**
   * Stops the threads, closes the epochs that are still open and with them all pictures not handed
   * out.
   */
  @Override
  public synchronized void close() {
    closed = true;
    for (Epoch epoch : List.copyOf(open)) {
      epoch.close();
    }
    workers.close();
  }
}
