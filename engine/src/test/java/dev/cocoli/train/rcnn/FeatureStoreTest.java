package dev.cocoli.train.rcnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.train.TrainingException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a stage left is read as it was, or refused with the file's name and what to do. */
class FeatureStoreTest {
  @TempDir private Path folder;

  private Path file() {
    return folder.resolve("features-7/000003.safetensors");
  }

  private FeatureStore stored() {
    FeatureStore store = new FeatureStore(folder, 7);
    Box box = new Box(1, 2, 3, 4);
    Target target = new Target(List.of(box), new int[] {1});
    store.write(3, new ImageFeatures(target, List.of(box, box), 2, new float[] {1, 2, 3, 4}));
    return store;
  }

  private void refused(FeatureStore store, String words) {
    String message = assertThrows(TrainingException.class, () -> store.read(3)).getMessage();
    assertTrue(message.contains(file().toString()), message);
    assertTrue(message.contains(words), message);
    assertTrue(message.endsWith("; delete it and resume the run"), message);
  }

  @Test
  void whatIsWrittenComesBack() {
    assertArrayEquals(new float[] {1, 2, 3, 4}, stored().read(3).orElseThrow().values());
  }

  @Test
  void aFlippedBitIsSeen() throws IOException {
    FeatureStore store = stored();
    byte[] bytes = Files.readAllBytes(file());
    bytes[bytes.length - 1] ^= 1;
    Files.write(file(), bytes);
    refused(store, "CRC32C");
  }

  @Test
  void arraysThatAreMissingAreNamed() throws IOException {
    FeatureStore store = stored();
    Safetensors.write(file(), Map.of(), Map.of());
    refused(store, "has no labels of type I32");
    Safetensors.write(
        file(),
        Map.of(),
        Map.of(
            "labels",
            new Safetensors.Entry(DType.F32, Shape.of(1), MemorySegment.ofArray(new float[1]))));
    refused(store, "has no labels of type I32");
  }
}
