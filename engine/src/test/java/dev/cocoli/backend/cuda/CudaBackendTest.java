package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backends;
import dev.cocoli.backend.Closing;
import dev.cocoli.tensor.Device;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Opening a GPU, where there is none. */
class CudaBackendTest {
  @Test
  void aGpuThatIsNotThereIsOneClearError() {
    Device none = new Device(Device.Kind.CUDA, 63);
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Backends.open(none));
    String message = e.getMessage();
    assertTrue(message.startsWith("device cuda:63: "), message);
    assertFalse(message.contains("\n"), message);
    // without a driver or libraries the files found or the paths tried, else the GPUs there are
    assertTrue(
        message.contains("tried: ") || message.contains("found: /") || message.contains("cuda:0"),
        message);
    assertEquals(message, "device cuda:63: " + Backends.problem(none).orElseThrow());
  }

  @Test
  void memoryThatIsNotThereSaysWhatHelps() {
    String message = CudaMemory.exhausted("cuda:1", 3L << 30, 1L << 30, 80L << 30, 70L << 30);
    for (String part :
        List.of(
            "cuda:1",
            "3,072.0 MiB were asked",
            "1,024.0 MiB of 81,920.0 MiB are free",
            "71,680.0 MiB are held",
            "--batch",
            "--min-size",
            "--precision bf16")) {
      assertTrue(message.contains(part), part + " is not in: " + message);
    }
  }

  @Test
  void everythingIsClosedEvenIfSomethingFails() {
    List<String> closed = new ArrayList<>();
    IllegalStateException first = new IllegalStateException("first");
    IllegalStateException thrown =
        assertThrows(
            IllegalStateException.class,
            () ->
                Closing.all(
                    () -> closed.add("a"),
                    () -> {
                      throw first;
                    },
                    null,
                    () -> {
                      throw new IllegalStateException("second");
                    },
                    () -> closed.add("b")));
    assertEquals(List.of("a", "b"), closed);
    assertEquals(first, thrown);
    assertEquals("second", thrown.getSuppressed()[0].getMessage());
  }
}
