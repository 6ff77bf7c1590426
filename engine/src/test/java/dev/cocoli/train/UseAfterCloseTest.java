package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataException;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * A public object that is used after it was closed throws an exception that says so. {@link
 * CloseRaces} closes objects while other threads use them, in a process of its own that must not
 * crash.
 */
class UseAfterCloseTest {
  @TempDir private Path folder;

  private static void refused(String words, Executable use) {
    refused(IllegalStateException.class, words, use);
  }

  private static void refused(
      Class<? extends RuntimeException> type, String words, Executable use) {
    String message = assertThrows(type, use).getMessage();
    assertTrue(message.contains(words), message);
  }

  @Test
  void anImage() {
    Image image = Image.of(2, 2, new byte[12]);
    MemorySegment kept = image.pixels();
    List<MemorySegment> leaked = new ArrayList<>();
    image.withPixels(leaked::add);
    refused("closed", () -> leaked.getFirst().get(ValueLayout.JAVA_BYTE, 0));
    image.close();
    refused("closed", () -> kept.get(ValueLayout.JAVA_BYTE, 0));
    refused("closed", () -> MemorySegment.copy(kept, 0, MemorySegment.ofArray(new byte[12]), 0, 1));
    List<Executable> uses =
        List.of(
            image::pixels,
            () -> image.withPixels(pixels -> {}),
            image::flipHorizontal,
            image::toBufferedImage);
    for (Executable use : uses) {
      refused("the image of 2 x 2 is closed", use);
    }
  }

  @Test
  void anImageThatIsInUseStaysUntilTheUseEnds() {
    long before = Image.allocatedByteSize();
    Image image = Image.of(1, 1, new byte[] {1, 2, 3});
    image.withPixels(
        pixels -> {
          image.close();
          assertEquals(3, pixels.get(ValueLayout.JAVA_BYTE, 2));
          assertEquals(before + 3, Image.allocatedByteSize());
        });
    assertEquals(before, Image.allocatedByteSize());
    image.close();
    assertEquals(before, Image.allocatedByteSize());
  }

  @Test
  void theImagesOfABatch() {
    Batch batch =
        Batch.of(
            List.of(Image.of(8, 8, new byte[192])), List.of(new Target(List.of(), new int[0])));
    batch.close();
    try (Backend backend = Backends.open(Device.CPU)) {
      refused(
          "the image of 8 x 8 is closed",
          () -> DeviceBatch.upload(backend, backend.pool(), batch).close());
      assertEquals(0, backend.pool().usedBytes());
    }
  }

  @Test
  void aDetectorAndItsImages() {
    DetectionModel model = TinyRuns.model(RectangleData.CLASSES).build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, model)) {
      parameters.initialize(1);
      Detector detector =
          Detector.over(TinyRuns.model(RectangleData.CLASSES), model, backend, Precision.FP32);
      Image image = Image.of(64, 64, new byte[3 * 64 * 64]);
      detector.detect(image);
      image.close();
      refused("the image of 64 x 64 is closed", () -> detector.detect(image));
      detector.close();
      refused("the detector is closed", () -> detector.detect(image));
    }
  }

  @Test
  void tensors() {
    Backend backend = Backends.open(Device.CPU);
    TensorScope scope = new TensorScope(backend.pool());
    Tensor released = scope.allocate(DType.F32, 2, 3);
    Tensor view = released.rows(0, 1);
    scope.release(released);
    refused("F32[2, 3]@cpu is used after its memory was given back", released::segment);
    refused("is used after its memory was given back", view::segment);
    Tensor left = scope.allocate(DType.F32, 4);
    scope.close();
    refused("is used after its memory was given back", left::segment);
    refused("is used after its memory was given back", () -> backend.copies().fill(left, 1));
    refused("the scope is closed", () -> scope.allocate(DType.F32, 1));
    refused("the scope is closed", () -> new Ops(backend, scope, Tape.NONE).allocate(DType.F32, 1));
    TensorScope open = new TensorScope(backend.pool());
    Tensor ofPool = open.allocate(DType.F32, 4);
    backend.close();
    refused("closed", () -> ofPool.segment().get(ValueLayout.JAVA_FLOAT, 0));
    refused("the pool is closed", () -> open.allocate(DType.F32, 4));
    open.close();
  }

  @Test
  void aBackend() {
    Backend backend = Backends.open(Device.CPU);
    List<Executable> uses =
        List.of(
            backend::pool,
            backend::constants,
            () -> backend.allocate(1),
            backend::transfers,
            backend::copies,
            backend::convolutions,
            backend::dense,
            backend::norms,
            backend::splitBatchNorm,
            backend::elementwise,
            backend::pooling,
            backend::upsampling,
            backend::images,
            backend::proposals,
            backend::matching,
            backend::regions,
            backend::patches,
            backend::losses,
            backend::updates);
    Executable facet = backend.transfers()::synchronize;
    backend.close();
    backend.close();
    for (Executable use : uses) {
      refused("the backend is closed", use);
    }
    refused("the backend is closed", facet);
  }

  @Test
  void parameters() {
    try (Backend backend = Backends.open(Device.CPU)) {
      DetectionModel model = TinyRuns.model(RectangleData.CLASSES).build();
      ParameterArena parameters = ParameterArena.forTraining(backend, model, List.of("m"));
      List<Tensor> tensors =
          List.of(
              parameters.values(),
              parameters.gradients(),
              parameters.fixed(),
              parameters.state("m"),
              parameters.learned().getFirst().value());
      parameters.close();
      parameters.close();
      for (Tensor tensor : tensors) {
        refused("is used after its memory was given back", tensor::segment);
      }
      refused("is used after its memory was given back", () -> parameters.initialize(1));
    }
  }

  @Test
  void aTrainerWhoseBackendIsClosed() throws IOException {
    Backend backend = Backends.open(Device.CPU);
    Trainer trainer =
        new Trainer(TinyRuns.run(folder, TinyRuns.config()), backend, TrainingListener.NONE);
    backend.close();
    refused("the backend is closed", trainer::start);
  }

  @Test
  void aLoaderAndItsEpoch() throws IOException {
    RectangleData data = RectangleData.draw(folder.resolve("data"), 4, 1);
    DataLoader loader = new DataLoader(data, DataLoaderConfig.of(2), warning -> {});
    Epoch epoch = loader.epoch(0, 0);
    loader.close();
    loader.close();
    refused("the loader is closed", () -> loader.epoch(1, 0));
    refused("the loader is closed", loader::inOrder);
    refused(NoSuchElementException.class, "the epoch is closed", epoch::next);
    epoch.close();
  }

  @Test
  void aProposalFile() throws IOException {
    RectangleData data = RectangleData.draw(folder.resolve("data"), 1, 1);
    Path path = folder.resolve("p.bin");
    ProposalFile.write(path, data, (annotated, image) -> List.of(new Box(0, 0, 4, 4)), "", 1);
    ProposalFile file = ProposalFile.read(path);
    file.close();
    file.close();
    refused(DataException.class, path + ": is closed", () -> file.proposals(data.get(0)));
  }

  @Test
  void aWeightsFile() throws IOException {
    Path path = folder.resolve("a.safetensors");
    Safetensors.write(
        path,
        Map.of(),
        Map.of(
            "x",
            new Safetensors.Entry(DType.F32, Shape.of(2), MemorySegment.ofArray(new float[2]))));
    Safetensors file = Safetensors.open(path);
    Safetensors.Entry entry = file.entries().get("x");
    file.close();
    file.close();
    refused("closed", () -> entry.data().get(ValueLayout.JAVA_FLOAT, 0));
    refused("closed", file::requireIntact);
    WeightsFile weights = WeightsFile.open(path);
    weights.close();
    weights.close();
    try (Backend backend = Backends.open(Device.CPU)) {
      DetectionModel model = TinyRuns.model(RectangleData.CLASSES).build();
      try (ParameterArena parameters = ParameterArena.forInference(backend, model)) {
        refused("closed", () -> weights.load(model, parameters.backend()));
      }
    }
  }

  /** What belongs to one thread refuses the others, and goes on. */
  @Test
  void anotherThread() throws Exception {
    Path path = folder.resolve("a.safetensors");
    Safetensors.write(path, Map.of(), Map.of());
    try (Backend backend = Backends.open(Device.CPU);
        TensorScope scope = new TensorScope(backend.pool());
        Safetensors file = Safetensors.open(path)) {
      Tensor tensor = scope.allocate(DType.F32, 4);
      onAnotherThread(scope::close, "the scope belongs to the thread '");
      onAnotherThread(() -> scope.allocate(DType.F32, 1), "the scope belongs to the thread '");
      onAnotherThread(() -> scope.release(tensor), "the scope belongs to the thread '");
      onAnotherThread(file::close, path + " is closed by the thread that opened it");
      assertEquals(1, scope.liveTensors());
    }
  }

  private static void onAnotherThread(Executable use, String words) throws InterruptedException {
    List<Throwable> thrown = new ArrayList<>();
    Thread thread =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    use.execute();
                  } catch (Throwable e) {
                    thrown.add(e);
                  }
                });
    thread.join();
    assertEquals(1, thrown.size());
    assertEquals(WrongThreadException.class, thrown.getFirst().getClass());
    assertTrue(thrown.getFirst().getMessage().contains(words), thrown.getFirst().getMessage());
  }

  @Test
  @Tag("slow")
  void closedUnderWay() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.awt.headless=true",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                CloseRaces.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .start();
    List<String> output = new ArrayList<>();
    Consumer<String> collect = output::add;
    try (BufferedReader lines = process.inputReader()) {
      lines.lines().forEach(collect);
    }
    assertTrue(process.waitFor(120, TimeUnit.SECONDS));
    assertEquals(0, process.exitValue(), () -> String.join("\n", output));
    assertEquals(CloseRaces.DONE, output.getLast(), () -> String.join("\n", output));
  }
}
