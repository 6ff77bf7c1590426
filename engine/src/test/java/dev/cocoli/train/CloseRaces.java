package dev.cocoli.train;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataException;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A program whose objects are closed by one thread while another uses them, again and again at
 * random times. The user gets an exception that is foreseen, or is not disturbed; the process must
 * not crash.
 */
final class CloseRaces {
  static final String DONE = "nothing crashed";

  private static final int SIDE = 96;
  private static final ModelSpec MODEL = TinyRuns.model(RectangleData.CLASSES);

  /** Uses something once. */
  private interface Use {
    void once() throws Exception;
  }

  private final Random random = new Random(1);
  private final Path folder;

  private CloseRaces(Path folder) {
    this.folder = folder;
  }

  /**
   * Runs all races.
   *
   * @param arguments a folder for files
   */
  public static void main(String[] arguments) throws Exception {
    new CloseRaces(Path.of(arguments[0])).run();
    System.out.println(DONE);
  }

  private void run() throws Exception {
    for (int i = 0; i < 200; i++) {
      imagesAreRead();
      imagesAreFlipped();
    }
    detections();
    for (int i = 0; i < 8; i++) {
      backends();
      parameters();
      detectors();
    }
    uploads();
    loaders();
    proposalFiles();
    weights();
    training();
  }

  /**
   * Uses something until it is refused, and closes it meanwhile.
   *
   * @param use one use
   * @param close closes it, on this thread
   * @param most the longest wait before that, in microseconds
   * @param foreseen the types of exceptions that end the uses
   */
  private void race(String name, Use use, Use close, int most, List<Class<?>> foreseen)
      throws Exception {
    CountDownLatch began = new CountDownLatch(1);
    List<Throwable> wrong = Collections.synchronizedList(new ArrayList<>());
    Thread user =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  try {
                    while (true) {
                      began.countDown();
                      use.once();
                    }
                  } catch (Throwable e) {
                    if (foreseen.stream().noneMatch(type -> type.isInstance(e))
                        || e.getMessage() == null) {
                      wrong.add(e);
                    }
                  }
                });
    began.await();
    TimeUnit.MICROSECONDS.sleep(random.nextInt(most));
    close.once();
    user.join(120_000);
    if (user.isAlive()) {
      throw new AssertionError(name + ": goes on after it was closed");
    }
    for (Throwable e : wrong) {
      throw new AssertionError(name, e);
    }
  }

  private static Image image() {
    return Image.of(SIDE, SIDE, new byte[3 * SIDE * SIDE]);
  }

  private void imagesAreRead() throws Exception {
    Image image = image();
    byte[] copy = new byte[3 * SIDE * SIDE];
    MemorySegment pixels = image.pixels();
    race(
        "pixels that were kept",
        () -> MemorySegment.copy(pixels, ValueLayout.JAVA_BYTE, 0, copy, 0, copy.length),
        image::close,
        500,
        List.of(IllegalStateException.class));
  }

  private void imagesAreFlipped() throws Exception {
    Image image = image();
    race("flips", image::flipHorizontal, image::close, 500, List.of(IllegalStateException.class));
  }

  private void detections() throws Exception {
    DetectionModel model = MODEL.build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, model);
        Detector detector = Detector.over(MODEL, model, backend, Precision.FP32)) {
      parameters.initialize(1);
      for (int i = 0; i < 30; i++) {
        Image image = image();
        race(
            "an image that is detected on",
            () -> detector.detect(image),
            image::close,
            20_000,
            List.of(IllegalStateException.class));
      }
    }
  }

  private void backends() throws Exception {
    DetectionModel model = MODEL.build();
    Backend backend = Backends.open(Device.CPU);
    try (ParameterArena parameters = ParameterArena.forInference(backend, model);
        Image image = image()) {
      parameters.initialize(1);
      Detector detector = Detector.over(MODEL, model, backend, Precision.FP32);
      race(
          "a backend that computes",
          () -> detector.detect(image),
          backend::close,
          40_000,
          List.of(IllegalStateException.class));
    }
  }

  private void parameters() throws Exception {
    DetectionModel model = MODEL.build();
    try (Backend backend = Backends.open(Device.CPU);
        Image image = image()) {
      ParameterArena parameters = ParameterArena.forInference(backend, model);
      parameters.initialize(1);
      Detector detector = Detector.over(MODEL, model, backend, Precision.FP32);
      race(
          "parameters that are used",
          () -> detector.detect(image),
          parameters::close,
          40_000,
          List.of(IllegalStateException.class));
    }
  }

  private void detectors() throws Exception {
    Path file = folder.resolve("weights.safetensors");
    write(file);
    Detector detector = Detector.open(file);
    try (Image image = image()) {
      race(
          "a detector that detects",
          () -> detector.detect(image),
          detector::close,
          40_000,
          List.of(IllegalStateException.class));
    }
  }

  private static void write(Path file) throws IOException {
    DetectionModel model = MODEL.build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, model);
        Arena arena = Arena.ofConfined()) {
      parameters.initialize(1);
      Safetensors.write(file, MODEL.toMetadata(), StateDict.save(model, backend, arena));
    }
  }

  private void uploads() throws Exception {
    try (Backend backend = Backends.open(Device.CPU)) {
      for (int i = 0; i < 50; i++) {
        Batch batch =
            Batch.of(
                List.of(image(), image()),
                Collections.nCopies(2, new Target(List.of(), new int[0])));
        race(
            "a batch that is uploaded",
            () -> DeviceBatch.upload(backend, backend.pool(), batch).close(),
            batch::close,
            2_000,
            List.of(IllegalStateException.class));
      }
    }
  }

  private void loaders() throws Exception {
    RectangleData data = RectangleData.draw(folder.resolve("images"), 16, 1);
    for (int i = 0; i < 20; i++) {
      DataLoader loader = new DataLoader(data, DataLoaderConfig.of(2), warning -> {});
      race(
          "a loader that loads",
          () -> {
            try (Epoch epoch = loader.epoch(0, 0)) {
              while (epoch.hasNext()) {
                epoch.next().close();
              }
            }
          },
          loader::close,
          5_000,
          List.of(
              IllegalStateException.class,
              NoSuchElementException.class,
              CancellationException.class));
    }
    if (Image.allocatedByteSize() != 0) {
      throw new AssertionError(Image.allocatedByteSize() + " bytes of images are left");
    }
  }

  private void proposalFiles() throws Exception {
    RectangleData data = RectangleData.draw(folder.resolve("images"), 2, 1);
    Path path = folder.resolve("p.bin");
    ProposalFile.write(path, data, (annotated, image) -> List.of(new Box(0, 0, 4, 4)), "", 1);
    for (int i = 0; i < 20; i++) {
      ProposalFile file = ProposalFile.read(path);
      race(
          "a file of proposals that is read",
          () -> file.proposals(data.get(0)),
          file::close,
          2_000,
          List.of(DataException.class));
    }
  }

  private void weights() throws Exception {
    Path path = folder.resolve("weights.safetensors");
    write(path);
    DetectionModel model = MODEL.build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, model)) {
      for (int i = 0; i < 10; i++) {
        WeightsFile[] file = new WeightsFile[1];
        boolean[] closed = {false};
        race(
            "weights that are loaded",
            () -> {
              if (file[0] == null) {
                file[0] = WeightsFile.open(path);
              }
              file[0].load(model, parameters.backend());
              if (closed[0]) {
                throw new IllegalStateException("the other thread has tried");
              }
            },
            () -> {
              try {
                if (file[0] != null) {
                  file[0].close();
                  throw new AssertionError("closed under way");
                }
              } catch (WrongThreadException e) {
                // what is refused disturbs nobody
              }
              closed[0] = true;
            },
            5_000,
            List.of(IllegalStateException.class));
      }
    }
  }

  private void training() throws Exception {
    for (int i = 0; i < 4; i++) {
      Path own = folder.resolve("train" + i);
      TrainingRun run = TinyRuns.run(own, TinyRuns.config().withEpochs(50));
      Backend backend = Backends.open(Device.CPU);
      Trainer trainer = new Trainer(run, backend, TrainingListener.NONE);
      race(
          "a backend that trains",
          trainer::start,
          backend::close,
          600_000,
          List.of(IllegalStateException.class));
    }
  }
}
