package dev.cocoli.backend.cuda.compile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is kept on disk is found again, whole, or made again. */
class CompiledKernelsTest {
  private static final byte[] IMAGE = {1, 2, 3, 4, 5};

  @TempDir private Path folder;

  private final AtomicInteger made = new AtomicInteger();
  private final Supplier<byte[]> maker =
      () -> {
        made.incrementAndGet();
        return IMAGE.clone();
      };

  @Test
  void whatIsKeptIsNotMadeAgain() {
    Path place = folder.resolve("not/there/yet");
    assertArrayEquals(IMAGE, new CompiledKernels(place).get("a", maker));
    assertArrayEquals(IMAGE, new CompiledKernels(place).get("a", maker));
    assertEquals(1, made.get());
    new CompiledKernels(place).get("b", maker);
    assertEquals(2, made.get());
  }

  @Test
  void whatIsDamagedIsMadeAgain() throws Exception {
    CompiledKernels kept = new CompiledKernels(folder);
    kept.get("a", maker);
    Path file = folder.resolve("a");
    byte[] whole = Files.readAllBytes(file);
    List<byte[]> damaged = new ArrayList<>();
    for (int at = 0; at < whole.length; at++) {
      byte[] other = whole.clone();
      other[at] ^= 0x10;
      damaged.add(other);
    }
    damaged.add(new byte[0]);
    damaged.add(java.util.Arrays.copyOf(whole, 31));
    damaged.add(java.util.Arrays.copyOf(whole, whole.length - 1));
    damaged.add(java.util.Arrays.copyOf(whole, whole.length + 1));
    for (byte[] content : damaged) {
      int before = made.get();
      Files.write(file, content);
      assertArrayEquals(IMAGE, kept.get("a", maker));
      assertEquals(before + 1, made.get());
      assertArrayEquals(whole, Files.readAllBytes(file), "it was not replaced");
    }
  }

  @Test
  void aFolderThatCannotBeWrittenCostsTimeOnly() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "no folder");
    CompiledKernels kept = new CompiledKernels(file);
    assertArrayEquals(IMAGE, kept.get("a", maker));
    assertArrayEquals(IMAGE, kept.get("a", maker));
    assertEquals(2, made.get());
  }

  @Test
  void manyAtOnceLeaveOneWholeFile() throws Exception {
    byte[] large = new byte[1 << 20];
    java.util.Arrays.fill(large, (byte) 7);
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Callable<byte[]>> calls = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        calls.add(() -> new CompiledKernels(folder).get("a", large::clone));
      }
      for (Future<byte[]> call : threads.invokeAll(calls)) {
        assertArrayEquals(large, call.get());
      }
    }
    try (var files = Files.list(folder)) {
      assertEquals(List.of("a"), files.map(path -> path.getFileName().toString()).toList());
    }
  }
}
