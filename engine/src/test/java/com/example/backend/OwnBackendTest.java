package com.example.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.RectangleData;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.parallel.ParallelConfig;
import dev.cocoli.train.parallel.Replicas;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A backend that the library finds as a service. */
class OwnBackendTest {
  @TempDir Path folder;

  @Test
  void itsDevicesHaveNames() {
    Device second = new Device(MirrorProvider.MIRROR, 1);
    assertEquals(second, Backends.device("mirror:1"));
    assertEquals("mirror:1", second.toString());
    assertEquals(new Device(MirrorProvider.MIRROR, 0), Backends.device("mirror"));
    assertEquals(Device.CPU, Backends.device("cpu"));
    assertEquals(new Device(Device.Kind.CUDA, 3), Backends.device("cuda:3"));
    assertEquals(2, Backends.devices(MirrorProvider.MIRROR).size());
    assertEquals(
        Optional.of("there are two mirrors"), Backends.problem(Backends.device("mirror:2")));
    for (String unknown : List.of("gpu", "cpu:0", "mirror:", "mirror:x", "cuda:12345", "")) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> Backends.device(unknown), unknown);
      assertEquals(
          "unknown device '" + unknown + "': it is cpu, cuda, mirror or cuda:INDEX",
          e.getMessage());
    }
    Device nobodys = new Device(new Device.Kind("abacus"), 0);
    assertEquals(
        "no backend computes on the device abacus",
        assertThrows(IllegalArgumentException.class, () -> Backends.open(nobodys)).getMessage());
  }

  @Test
  @Tag("slow")
  void itTrainsAndDetects() throws IOException {
    RectangleData images = RectangleData.draw(folder.resolve("images"), 2, 1);
    Device device = Backends.device("mirror");
    TrainingRun run =
        TrainingRun.of(
            TinyRuns.model(RectangleData.CLASSES),
            images,
            TinyRuns.config().withEpochs(1),
            folder.resolve("run"));
    try (Backend backend = Backends.open(device)) {
      new Trainer(run, backend, TrainingListener.NONE).start();
    }
    String config = Files.readString(run.out().resolve("config.json"));
    assertTrue(config.contains("\"mirror:0\""), config);
    try (Detector detector = Detector.open(run.out().resolve("last.safetensors"), device)) {
      assertEquals(device, detector.device());
      detector.detect(images.get(0).path());
    }
    TrainingRun several =
        TrainingRun.of(run.model(), images, run.config(), folder.resolve("several"));
    Replicas replicas =
        new Replicas(
            several, List.of(device, device), ParallelConfig.DEFAULT, TrainingListener.NONE);
    Exception e = assertThrows(Exception.class, replicas::start);
    assertTrue(e.getMessage().contains("training on mirror takes one device"), "" + e);
  }
}
