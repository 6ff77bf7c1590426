package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.Detector;
import dev.cocoli.DetectorOptions;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.testing.Bf16;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training in bf16: where it gets to, and that it is as repeatable as in fp32. */
@Tag("slow")
class MixedPrecisionTest {
  @TempDir Path folder;

  @BeforeEach
  void skipWithoutBf16() {
    try (Backend backend = Backends.open(Device.CPU)) {
      Bf16.assume(backend);
    }
  }

  private static TrainingRun in(Precision precision, Path folder) throws IOException {
    TrainingRun run = InterruptedRun.of(folder);
    return run.withConfig(run.config().withPrecision(precision));
  }

  /** Trains until a step, or to the end, and returns the losses of the steps. */
  private static List<Double> train(TrainingRun run, boolean isNew, long until) {
    List<Double> losses = new ArrayList<>();
    try (Backend backend = Backends.open(Device.CPU)) {
      Trainer[] self = new Trainer[1];
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
              losses.add((double) report.losses().total());
              if (report.step() == until) {
                self[0].requestStop();
              }
            }
          };
      self[0] = new Trainer(run, backend, listener);
      if (isNew) {
        self[0].start();
      } else {
        self[0].resume();
      }
    }
    return losses;
  }

  @Test
  void reachesTheLossOfFp32() throws Exception {
    List<Double> exact = train(in(Precision.FP32, folder.resolve("fp32")), true, 0);
    List<Double> mixed = train(in(Precision.BF16, folder.resolve("bf16")), true, 0);
    assertEquals(exact.size(), mixed.size());
    // the same images, weights and samples: the first step differs by rounding alone
    assertEquals(exact.getFirst(), mixed.getFirst(), 0.02 * exact.getFirst());
    // then roundings grow: steps of high rate part the two runs, whose single losses say little
    for (int step = 1; step < 6; step++) {
      assertEquals(exact.get(step), mixed.get(step), 0.1 * exact.get(step), "step " + step);
    }
    double exactEnd = meanOfLastEpoch(exact);
    double mixedEnd = meanOfLastEpoch(mixed);
    assertTrue(exactEnd < 0.8 * exact.getFirst(), "fp32 learns: " + exact);
    assertTrue(mixedEnd < 1.15 * exactEnd, "fp32 " + exact + ", bf16 " + mixed);
  }

  private static double meanOfLastEpoch(List<Double> losses) {
    return losses.subList(losses.size() - 8, losses.size()).stream()
        .mapToDouble(x -> x)
        .average()
        .orElseThrow();
  }

  @Test
  void stoppedRunsEndWithTheSameBits() throws Exception {
    TrainingRun whole = in(Precision.BF16, folder.resolve("whole"));
    TrainingRun stopped = in(Precision.BF16, folder.resolve("stopped"));
    train(whole, true, 0);
    train(stopped, true, 5);
    train(stopped, false, 11);
    train(stopped, false, 0);
    FinishedRun.read(whole.out()).assertSame(FinishedRun.read(stopped.out()));
    String config = Files.readString(stopped.out().resolve("config.json"));
    assertTrue(config.contains("\"precision\" : \"bf16\""), config);
  }

  @Test
  void resumesInThePrecisionOfTheStartOnly() throws Exception {
    TrainingRun run = in(Precision.BF16, folder.resolve("a"));
    train(run, true, 3);
    TrainingRun other = run.withConfig(run.config().withPrecision(Precision.FP32));
    Exception refused = assertThrows(TrainingException.class, () -> train(other, false, 0));
    assertTrue(refused.getMessage().contains("train.precision"), refused.getMessage());
  }

  /** A run folder of before there was a choice says nothing of it. */
  @Test
  void oldRunsWereInFp32() throws Exception {
    TrainingRun run = in(Precision.FP32, folder.resolve("old"));
    train(run, true, 3);
    Path config = run.out().resolve("config.json");
    String before = Files.readString(config);
    String without = before.replaceAll("(?m)^.*\"precision\".*\\R", "");
    assertFalse(before.equals(without));
    Files.writeString(config, without);
    train(run, false, 6);
    Files.writeString(config, Files.readString(config).replaceAll("(?m)^.*\"precision\".*\\R", ""));
    TrainingRun other = run.withConfig(run.config().withPrecision(Precision.BF16));
    assertThrows(TrainingException.class, () -> train(other, false, 0));
  }

  /** Opens a detector in bf16 where oneDNN may use AVX2 only, in a process of its own. */
  public static final class OnOldProcessor {
    private OnOldProcessor() {}

    /**
     * Says how it went.
     *
     * @param arguments a weights file
     * @throws IOException if that cannot be read
     */
    public static void main(String[] arguments) throws IOException {
      try (Backend backend = Backends.open(Device.CPU)) {
        System.out.println(backend.device());
        Detector.open(
                Path.of(arguments[0]),
                DetectorOptions.DEFAULT
                    .withSpec(TinyRuns.model(RectangleData.CLASSES))
                    .withPrecision(Precision.BF16))
            .close();
        System.out.println("opened");
      } catch (IllegalArgumentException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  @Test
  void aProcessorWithoutBf16IsAClearError() throws Exception {
    TrainingRun run = in(Precision.FP32, folder.resolve("run"));
    train(run, true, 1);
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            OnOldProcessor.class.getName(),
            run.out().resolve("last.safetensors").toString());
    builder.environment().put("ONEDNN_MAX_CPU_ISA", "AVX2");
    Process process = builder.redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(120, TimeUnit.SECONDS));
    assertTrue(said.contains("does not compute in bf16") && said.contains("avx2"), said);
    assertFalse(said.contains("opened"), said);
  }
}
