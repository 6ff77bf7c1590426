package dev.cocoli;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.ImageTransform;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.PartListener;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What all views of a detector share: its model, and what computes its calls. A detector that was
 * opened and is dropped without being closed is reported once; its memory stays, because freeing it
 * would have to wait for the garbage collector.
 */
final class OpenedDetector {
  private static final Cleaner CLEANER = Cleaner.create();

  /** Reports a detector that nobody can close any more; refers to nothing that it owns. */
  private static final class Report implements Runnable {
    private final String model;
    private final Throwable opened = new Throwable("the detector was opened here");
    private volatile boolean closed;

    Report(String model) {
      this.model = model;
    }

    @Override
    public void run() {
      if (!closed) {
        System.getLogger("dev.cocoli.Detector")
            .log(
                Level.WARNING,
                "a detector ("
                    + model
                    + ") was never closed: its memory and threads stay until the process ends",
                opened);
      }
    }
  }

  private final ModelSpec spec;
  private final boolean needsProposals;
  private final Device device;
  private final Precision precision;
  private final ImageTransform transform;
  private final Calls calls;
  private final Report report;
  private final Cleaner.Cleanable cleanable;

  private OpenedDetector(Network network, Calls calls, boolean isOwned) {
    spec = network.spec();
    this.calls = calls;
    needsProposals = network.model().needsProposals();
    device = network.backend().device();
    precision = network.precision();
    transform = new ImageTransform(spec.config().transform());
    report = new Report(spec.model());
    cleanable = isOwned ? CLEANER.register(this, report) : null;
  }

  /** Where weights come from. */
  @FunctionalInterface
  interface Source {
    WeightsFile open() throws IOException;
  }

  /** Opens the lanes of a detector and loads its weights, on the thread of the first lane. */
  static OpenedDetector open(Source weights, DetectorOptions options) throws IOException {
    int threads =
        options
            .threads()
            .orElseGet(() -> Math.max(1, Backends.processorThreads() / options.concurrency()));
    try {
      Lanes lanes =
          Lanes.open(
              () -> load(weights, options, threads),
              options.concurrency(),
              threads,
              options.mostTogether());
      return new OpenedDetector(lanes.first(), lanes, true);
    } catch (IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static ModelSpec described(WeightsFile file, DetectorOptions options) throws IOException {
    Optional<ModelSpec> spec =
        options.builder().isPresent() ? file.spec(options.builder().get()) : file.spec();
    return spec.orElseThrow(
        () ->
            new IOException(
                file.path()
                    + " does not say what model it is for: name the model and its classes"
                    + " (DetectorOptions.withSpec)"));
  }

  private static Network load(Source weights, DetectorOptions options, int threads)
      throws IOException {
    try (WeightsFile file = weights.open()) {
      ModelSpec spec = options.spec().isPresent() ? options.spec().get() : described(file, options);
      return load(file, spec, options, threads);
    }
  }

  private static Network load(
      WeightsFile file, ModelSpec spec, DetectorOptions options, int threads) throws IOException {
    DetectionModel model = spec.build();
    Backend backend = Backends.open(options.device(), threads);
    ParameterArena parameters = null;
    try {
      backend.require(options.precision());
      parameters = ParameterArena.forInference(backend, model);
      file.load(model, backend);
      parameters.settle();
      if (!model.isFinished()) {
        throw new IOException(
            file.path()
                + " is of an R-CNN whose training is not finished: it has no support vector"
                + " machines yet; resume its run");
      }
      return new Network(spec, model, backend, options.precision(), parameters);
    } catch (IOException | RuntimeException | Error e) {
      if (parameters != null) {
        parameters.close();
      }
      backend.close();
      throw e;
    }
  }

  /** A detector over what belongs to others. */
  static OpenedDetector over(Network network) {
    return new OpenedDetector(network, new Calls.OnCallersThread(network), false);
  }

  ModelSpec spec() {
    return spec;
  }

  boolean needsProposals() {
    return needsProposals;
  }

  Device device() {
    return device;
  }

  Precision precision() {
    return precision;
  }

  /** Height and width of all images in the network; nothing if they differ. */
  Optional<List<Long>> sizeOfAll(List<Image> images, PartListener parts) {
    List<List<Long>> sizes =
        images.stream()
            .map(image -> transform.resizedSize(image.height(), image.width()))
            .map(size -> List.of(size[0], size[1]))
            .distinct()
            .toList();
    return sizes.size() == 1 && parts == PartListener.NONE
        ? Optional.of(sizes.getFirst())
        : Optional.empty();
  }

  /** A copy of the weights, which a thread of the detector reads and the caller's arena holds. */
  Map<String, Safetensors.Entry> stateDict(Arena arena) {
    Map<String, Safetensors.Entry> copies = new LinkedHashMap<>();
    try (Arena shared = Arena.ofShared()) {
      calls
          .run(network -> StateDict.save(network.model(), network.backend(), shared))
          .forEach(
              (name, entry) -> {
                MemorySegment data = arena.allocate(entry.data().byteSize(), Long.BYTES);
                data.copyFrom(entry.data());
                copies.put(name, new Safetensors.Entry(entry.dtype(), entry.shape(), data));
              });
    }
    return copies;
  }

  Calls calls() {
    return calls;
  }

  void close() {
    report.closed = true;
    if (cleanable != null) {
      cleanable.clean();
    }
    calls.close();
  }
}
