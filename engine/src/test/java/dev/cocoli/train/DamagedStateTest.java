package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.Dataset;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.checkpoint.Checkpoint;
import dev.cocoli.train.checkpoint.RunFolder;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checks that a run does not go on from files that are damaged or another run's. */
class DamagedStateTest {
  @TempDir private Path folder;
  private Dataset data;
  private TrainingRun run;
  private long wholeSize;

  @BeforeEach
  void draw() throws IOException {
    data = RectangleData.draw(folder.resolve("train"), 4, 1);
    run = run(data);
  }

  /** Four steps, two per epoch, without an evaluation. */
  private TrainingRun run(Dataset images) {
    TrainConfig config = TinyRuns.config().withEpochs(2);
    return TrainingRun.of(
        TinyRuns.model(RectangleData.CLASSES), images, config, folder.resolve("run"));
  }

  private static void start(TrainingRun run) {
    try (Backend backend = Backends.open(Device.CPU)) {
      new Trainer(run, backend, TrainingListener.NONE).start();
    }
  }

  private String refusal() {
    try (Backend backend = Backends.open(Device.CPU)) {
      Trainer trainer = new Trainer(run, backend, TrainingListener.NONE);
      return assertThrows(TrainingException.class, trainer::resume).getMessage();
    }
  }

  @Test
  @Tag("slow")
  void fieldsOutOfRangeAreNamed() throws IOException {
    start(run);
    Path state = run.out().resolve("state.safetensors");
    byte[] whole = Files.readAllBytes(state);
    for (List<String> wrong :
        List.of(
            List.of("step", "-1"),
            List.of("step", "9223372036854775807"),
            List.of("step", "5"),
            List.of("step", "four"),
            List.of("evaluated_epochs", "3"),
            List.of("best_ap", "NaN"),
            List.of("best_ap", "much"),
            List.of("best_ap", "1.5"),
            List.of("best_epoch", "1"),
            List.of("evaluations_since_best", "-1"),
            List.of("metrics_bytes", "-1"))) {
      Files.write(state, whole);
      set(state, "cocoli.run." + wrong.getFirst(), wrong.getLast());
      String message = refusal();
      assertTrue(message.contains(state.toString()), message);
      assertTrue(message.contains("cocoli.run." + wrong.getFirst()), message);
      assertTrue(message.contains(wrong.getLast()), message);
    }
  }

  private static void set(Path state, String field, String value) throws IOException {
    Path changed = state.resolveSibling("changed");
    try (Safetensors file = Safetensors.open(state)) {
      Map<String, String> metadata = new HashMap<>(file.metadata());
      metadata.put(field, value);
      Safetensors.write(changed, metadata, file.entries());
    }
    Files.move(changed, state, StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  @Tag("slow")
  void aFlippedBitOfATensorIsSeen() throws IOException {
    start(run);
    for (String name : List.of("state", "last")) {
      Path file = run.out().resolve(name + ".safetensors");
      byte[] bytes = Files.readAllBytes(file);
      bytes[bytes.length - 4] ^= 1; // the least bit of a float, which stays finite
      Files.write(file, bytes);
    }
    String message = refusal();
    Path state = run.out().resolve("state.safetensors");
    assertTrue(message.contains(state + ": ") && message.contains("CRC32C"), message);
    Path last = run.out().resolve("last.safetensors");
    IOException e = assertThrows(IOException.class, () -> Detector.open(last, Device.CPU).close());
    assertTrue(e.getMessage().contains(last.toString()), e.getMessage());
    assertTrue(e.getMessage().contains("CRC32C"), e.getMessage());
  }

  /** Another process cuts the end of the state off, when its checksum has been compared. */
  @Test
  @Tag("slow")
  void aStateThatIsCutWhileItIsReadIsSeen() throws IOException {
    start(run);
    Path state = run.out().resolve("state.safetensors");
    DetectionModel model = run.model().build();
    try (Backend real = Backends.open(Device.CPU)) {
      InvocationHandler cutting =
          (proxy, method, arguments) -> {
            if (method.getName().equals("transfers") && Files.exists(state)) {
              try (FileChannel channel = FileChannel.open(state, StandardOpenOption.WRITE)) {
                channel.truncate(wholeSize - 16);
              }
            }
            return method.invoke(real, arguments);
          };
      Backend backend =
          (Backend)
              Proxy.newProxyInstance(
                  Backend.class.getClassLoader(), new Class<?>[] {Backend.class}, cutting);
      wholeSize = Files.size(state);
      try (ParameterArena parameters =
          ParameterArena.forTraining(
              backend, model, run.config().update().optimizer().stateNames())) {
        Checkpoint checkpoint =
            new Checkpoint(
                new RunFolder(run.out()), run.model(), model, parameters, Safetensors::write);
        String message =
            assertThrows(TrainingException.class, () -> checkpoint.restore(4, 2)).getMessage();
        assertEquals("cannot resume from " + state + ": was cut while it was read", message);
      }
    }
  }

  @Test
  @Tag("slow")
  void theDescriptionOfARunHasAnEnd() throws IOException {
    start(run);
    Path config = run.out().resolve("config.json");
    try (RandomAccessFile file = new RandomAccessFile(config.toFile(), "rw")) {
      file.setLength((64 << 20) + 1); // a sparse one
    }
    assertEquals("cannot read " + config + ": is larger than 67108864 bytes", refusal());
  }

  @Test
  @Tag("slow")
  void filesWithoutAChecksumAreTaken() throws IOException {
    start(run);
    for (String name : List.of("state", "last")) {
      Path file = run.out().resolve(name + ".safetensors");
      String bytes = Files.readString(file, StandardCharsets.ISO_8859_1);
      Files.writeString(
          file, bytes.replace("cocoli.crc32c", "cocoli.unused"), StandardCharsets.ISO_8859_1);
    }
    try (Backend backend = Backends.open(Device.CPU)) {
      assertEquals(4, new Trainer(run, backend, TrainingListener.NONE).resume().step());
    }
    Detector.open(run.out().resolve("last.safetensors"), Device.CPU).close();
  }

  /** Another run begins and ends between the first look at the folder and its lock. */
  @Test
  @Tag("slow")
  void aRunThatWasFasterKeepsItsFolder() throws IOException {
    boolean[] began = {false};
    Dataset slow =
        new Dataset() {
          @Override
          public List<String> classNames() {
            if (!began[0]) {
              began[0] = true;
              start(run);
            }
            return data.classNames();
          }

          @Override
          public int size() {
            return data.size();
          }

          @Override
          public AnnotatedImage get(int index) {
            return data.get(index);
          }

          @Override
          public AnnotationReport report() {
            return data.report();
          }
        };
    TrainingRun second = run(slow);
    began[0] = false;
    TrainingException e = assertThrows(TrainingException.class, () -> start(second));
    assertTrue(began[0]);
    assertTrue(e.getMessage().contains("holds a run already"), e.getMessage());
    try (Safetensors last = Safetensors.open(run.out().resolve("last.safetensors"))) {
      assertEquals("4", last.metadata().get("cocoli.step"));
    }
  }
}
