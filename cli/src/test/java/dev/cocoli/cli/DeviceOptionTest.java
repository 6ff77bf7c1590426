package dev.cocoli.cli;

import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A device that is asked for is used, or it is an error. */
class DeviceOptionTest {
  @TempDir private Path folder;

  @Test
  void unknownDevicesAreUsage() throws Exception {
    device("gpu").failed(2, "'gpu'", "cpu, cuda");
    device("cpu,").failed(2, "''");
  }

  @Test
  void severalAreOfOneSortAndShareABatch() throws Exception {
    device("cpu,cpu,cpu").failed(2, "--batch", "8 images", "3 replicas; use 6 or 9");
    device("cpu,cuda").failed(2, "--device cpu,cuda", "one sort");
  }

  @Test
  void cudaIsAnErrorThatTellsTheReason() throws Exception {
    if (Backends.problem(new Device(Device.Kind.CUDA, 0)).isEmpty()) {
      System.out.println("skipped: the error without a GPU: there is one");
      Assumptions.abort("there is a GPU");
    }
    device("cuda").failed(1, "--device cuda", "CUDA", "ibraries found");
    device("cuda:0,cuda:1").failed(1, "--device cuda:0,cuda:1", "CUDA");
    device("cuda:all").failed(1, "--device cuda:all", "CUDA");
  }

  private Cli device(String name) throws Exception {
    Path out = folder.resolve("out");
    Cli cli = Cli.run("demo", "--out", out, "--device", name);
    org.junit.jupiter.api.Assertions.assertFalse(Files.exists(out), "it began nevertheless");
    return cli;
  }
}
