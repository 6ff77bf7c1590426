package dev.cocoli.train.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Replicas on GPUs, as many as there are; with {@code NCCL_MULTI_RANK_GPU_ENABLE=1} in the
 * environment, several on the first one.
 */
@Tag("slow")
class GpuReplicasTest {
  @TempDir Path folder;

  private static List<Device> gpus() {
    try {
      List<Device> found = Backends.devices(Device.Kind.CUDA);
      if (!found.isEmpty()) {
        return found;
      }
    } catch (IllegalArgumentException e) {
      skip(e.getMessage());
    }
    return skip("there is no GPU");
  }

  private static List<Device> skip(String why) {
    System.out.println("skipped: replicas on GPUs: " + why);
    return Assumptions.abort(why);
  }

  /** Holds the losses of replicas to those of one device with the same batch. */
  private void compare(List<Device> devices) throws Exception {
    List<Double> alone = new ArrayList<>();
    TrainConfig config = TinyRuns.config().withBatch(4).withEpochs(2);
    TrainingRun one = ReplicaRuns.run(folder.resolve("one"), Norm.Type.FROZEN, config);
    try (Backend backend = Backends.open(devices.getFirst())) {
      assertEquals(8, new Trainer(one, backend, losses(alone)).start().step());
    }
    List<Double> together = new ArrayList<>();
    TrainingRun several = ReplicaRuns.run(folder.resolve("several"), Norm.Type.FROZEN, config);
    Replicas replicas = new Replicas(several, devices, ReplicaRuns.PARALLEL, losses(together));
    assertEquals(8, replicas.start().step());
    for (int i = 0; i < alone.size(); i++) {
      assertEquals(alone.get(i), together.get(i), 1e-3 * alone.get(i), "loss of step " + (i + 1));
    }
    assertTrue(together.getLast() < 0.9 * together.getFirst(), "nothing is learned: " + together);
  }

  private static TrainingListener losses(List<Double> into) {
    return new TrainingListener() {
      @Override
      public void stepDone(StepReport report) {
        into.add((double) report.losses().total());
      }
    };
  }

  @Test
  void oneRankTrainsAsOneDevice() throws Exception {
    compare(gpus().subList(0, 1));
  }

  @Test
  void severalRanksTrainAsOneDevice() throws Exception {
    List<Device> gpus = gpus();
    if (gpus.size() > 1) {
      compare(gpus.subList(0, gpus.size() < 4 ? 2 : 4));
    } else if ("1".equals(System.getenv("NCCL_MULTI_RANK_GPU_ENABLE"))) {
      compare(Collections.nCopies(2, gpus.getFirst()));
    } else {
      skip("there is one only, and NCCL_MULTI_RANK_GPU_ENABLE is not 1");
    }
  }
}
