package dev.cocoli.nn.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.tensor.Device;
import dev.cocoli.testing.Fixtures;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files of torch.save with random damage: each is read or refused in one line, with little memory
 * and time, and runs no code. {@code -Dcocoli.test.mutations=N} makes N of each file.
 */
@Tag("slow")
class MutatedTorchFileTest {
  private static final int COUNT = Integer.getInteger("cocoli.test.mutations", 600);
  private static final long MOST_BYTES = 8 << 20;

  /** Of the thread, however busy the machine is. */
  private static final long MOST_NANOSECONDS = 5_000_000_000L;

  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Numbers at the ends of their ranges. */
  private static final long[] EXTREMES = {
    0, 1, -1, 0xFFFF, 0xFFFF_FFFFL, 0x7FFF_FFFFL, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 40
  };

  @TempDir Path folder;

  /** One has sums of its records, so that damage ends there; one has none. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "read_plain.zip.pth",
        "read_without_sums.zip.pth",
        "read_plain.stream.pth",
        "read_reference_script.stream.pth"
      })
  void isReadOrRefused(String name) throws IOException {
    byte[] whole = Files.readAllBytes(Fixtures.folder("weights/files").resolve(name));
    SplittableRandom random = new SplittableRandom(name.hashCode());
    SmallModule module = new SmallModule();
    int read = 0;
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena _ = ParameterArena.forInference(backend, module)) {
      for (int i = 0; i < COUNT; i++) {
        Path file = Files.write(folder.resolve("mutated.pth"), mutated(whole, random));
        long bytes = allocatedBytes();
        long start = THREADS.getCurrentThreadCpuTime();
        read += isRead(file, module, backend) ? 1 : 0;
        String which = name + " number " + i;
        assertTrue(THREADS.getCurrentThreadCpuTime() - start < MOST_NANOSECONDS, which);
        assertTrue(allocatedBytes() - bytes < MOST_BYTES, which);
        Files.delete(file);
      }
    }
    assertTrue(read > 0 && read < COUNT, read + " of " + COUNT + " were read");
    assertFalse(Files.exists(Path.of("pwned")));
  }

  private static boolean isRead(Path path, SmallModule module, Backend backend) {
    try (TensorFile file = TensorFile.open(path)) {
      file.requireIntact();
      for (Safetensors.Entry entry : file.entries().values()) {
        assertEquals(
            entry.shape().elementCount() * entry.dtype().byteSize(), entry.data().byteSize());
        assertTrue(
            entry.data().byteSize() <= 1 << 20, "an array of a file of a few thousand bytes");
      }
      StateDict.load(module, backend, file.entries());
      return true;
    } catch (IOException e) {
      assertEquals(1, e.getMessage().lines().count(), e.getMessage());
      assertTrue(e.getMessage().length() < 2000, e.getMessage());
      return false;
    }
  }

  private static long allocatedBytes() {
    return THREADS.getCurrentThreadAllocatedBytes();
  }

  /** Up to four changes, more of them where the file describes itself. */
  private static byte[] mutated(byte[] whole, SplittableRandom random) {
    byte[] bytes = whole.clone();
    for (int changes = random.nextInt(1, 5); changes > 0; changes--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(8)) {
        case 0, 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes[at] = (byte) random.nextInt();
        case 3 -> write(bytes, at, EXTREMES[random.nextInt(EXTREMES.length)], 4);
        case 4 -> write(bytes, at, EXTREMES[random.nextInt(EXTREMES.length)], 8);
        case 5 -> {
          int from = random.nextInt(bytes.length);
          int size = Math.min(random.nextInt(64), bytes.length - Math.max(at, from));
          System.arraycopy(bytes, from, bytes, at, size);
        }
        case 6 -> bytes = spliced(bytes, at, random.nextInt(-16, 17));
        default -> {
          int last = random.nextInt(10) == 0 ? at : bytes.length;
          bytes = Arrays.copyOf(bytes, Math.max(1, last));
        }
      }
    }
    return bytes;
  }

  private static void write(byte[] bytes, int at, long value, int size) {
    for (int i = 0; i < size && at + i < bytes.length; i++) {
      bytes[at + i] = (byte) (value >>> 8 * i);
    }
  }

  /** Takes bytes away, or repeats some. */
  private static byte[] spliced(byte[] bytes, int at, int more) {
    int from = Math.clamp(at - more, 0, bytes.length);
    byte[] result = new byte[at + bytes.length - from];
    System.arraycopy(bytes, 0, result, 0, at);
    System.arraycopy(bytes, from, result, at, bytes.length - from);
    return result;
  }
}
