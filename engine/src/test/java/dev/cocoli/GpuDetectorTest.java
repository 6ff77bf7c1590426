package dev.cocoli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.Backends;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls from many threads on a GPU, where there is one or something stands in for it. */
@Tag("slow")
class GpuDetectorTest {
  private static final Device GPU = new Device(Device.Kind.CUDA, 0);
  private static final DetectorOptions ON_GPU =
      DetectorOptions.DEFAULT.withDevice(GPU).withScoreThreshold(0);

  @TempDir private Path folder;

  @BeforeAll
  static void skipWithoutGpu() {
    Optional<String> problem = Backends.problem(GPU);
    if (problem.isPresent()) {
      System.out.println("skipped: a detector on " + GPU + ": " + problem.get());
      Assumptions.abort(problem.get());
    }
  }

  @Test
  void callsThatWaitGoThroughTheNetworkTogether() throws Exception {
    WaitingCalls calls = new WaitingCalls(folder);
    List<List<Detection>> alone = calls.detect(ON_GPU.withBatch(1), WaitingCalls.SIZES);
    assertEquals(List.of(1, 1, 1, 1, 1), calls.batches());
    List<List<Detection>> together = calls.detect(ON_GPU, WaitingCalls.SIZES);
    assertEquals(List.of(1, 3, 1), calls.batches(), "on a GPU they do so by default");
    WaitingCalls.assertSameDetections(alone, together);
  }

  @Test
  void aBatchThatFailsIsTriedCallByCall() throws Exception {
    WaitingCalls calls = new WaitingCalls(folder);
    List<List<Detection>> alone = calls.detect(ON_GPU.withBatch(1), WaitingCalls.SIZES);
    List<List<Detection>> retried = calls.failingTogether().detect(ON_GPU, WaitingCalls.SIZES);
    assertEquals(List.of(1, 3, 1, 1, 1, 1), calls.batches());
    WaitingCalls.assertSameDetections(alone, retried);
  }
}
