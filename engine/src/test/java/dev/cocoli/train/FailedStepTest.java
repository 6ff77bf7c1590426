package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A step that fails costs none of the steps before it, as far as the weights are still theirs. */
@Tag("slow")
class FailedStepTest {
  @TempDir static Path reference;
  private static FinishedRun whole;

  @TempDir Path folder;
  private TrainingRun run;
  private final List<Long> saved = new ArrayList<>();
  private final List<String> told = new ArrayList<>();

  private final TrainingListener listener =
      new TrainingListener() {
        @Override
        public void checkpointWritten(long step) {
          saved.add(step);
        }

        @Override
        public void message(String text) {
          told.add(text);
        }
      };

  private static TrainingRun run(Path folder) throws IOException {
    return TinyRuns.run(folder, TinyRuns.config().withEpochs(1));
  }

  @BeforeAll
  static void trainWithoutFault() throws IOException {
    try (Backend backend = Backends.open(Device.CPU)) {
      new Trainer(run(reference), backend, TrainingListener.NONE).start();
    }
    whole = FinishedRun.read(reference.resolve("run"));
  }

  @BeforeEach
  void draw() throws IOException {
    run = run(folder);
  }

  private void failAt(String method, int call) {
    Runnable fault =
        () -> {
          throw new OutOfMemoryError("as of a device");
        };
    try (Backend backend = Backends.open(Device.CPU)) {
      Backend faulty = FaultyBackend.of(backend, method, call, fault);
      assertThrows(
          OutOfMemoryError.class, () -> new Trainer(run, faulty, listener).start().summary());
    }
  }

  private String failedAfter(String steps, int saved) {
    return "the run failed after %s; its last checkpoint, in %s, is of step %d"
        .formatted(steps, run.out(), saved);
  }

  private void assertGoesOn() throws IOException {
    try (Backend backend = Backends.open(Device.CPU)) {
      new Trainer(run, backend, TrainingListener.NONE).resume();
    }
    whole.assertSame(FinishedRun.read(run.out()));
  }

  /** The norms' statistics are of the next step then, but for what puts them back. */
  @Test
  void inBackward() throws IOException {
    failAt("maxPool2dBackward", 5);
    assertEquals(List.of(2L), saved);
    assertEquals(List.of(failedAfter("2 steps", 2)), told);
    assertGoesOn();
  }

  @Test
  void afterTheUpdateBegan() throws IOException {
    run = run.withConfig(run.config().withCheckpoint(c -> c.withSteps(2)));
    failAt("sgdUpdate", 6);
    assertEquals(List.of(2L, 4L), saved);
    assertEquals(List.of(failedAfter("5 steps", 4)), told);
    assertGoesOn();
  }

  /** As of a program that cancels its training: the flag is there when a line is logged. */
  @Test
  void anInterruptOfTheThread() throws IOException {
    try (Backend backend = Backends.open(Device.CPU)) {
      Backend interrupting =
          FaultyBackend.of(backend, "sgdUpdate", 5, Thread.currentThread()::interrupt);
      Trainer trainer = new Trainer(run, interrupting, listener);
      assertThrows(CancellationException.class, trainer::start);
    }
    assertTrue(Thread.interrupted());
    assertEquals(List.of(5L), saved);
    assertGoesOn();
  }

  /** The first stop does not end the second run. */
  @Test
  void aTrainerThatWasStoppedResumes() throws IOException {
    try (Backend backend = Backends.open(Device.CPU)) {
      Trainer[] self = new Trainer[1];
      TrainingListener stopper =
          new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
              if (report.step() == 3) {
                self[0].requestStop();
              }
            }
          };
      self[0] = new Trainer(run, backend, stopper);
      assertEquals(3, self[0].start().step());
      assertEquals(8, self[0].resume().step());
    }
    whole.assertSame(FinishedRun.read(run.out()));
  }

  @Test
  void aListenerThatThrows() throws IOException {
    TrainingListener throwing =
        new TrainingListener() {
          @Override
          public void stepDone(StepReport report) {
            if (report.step() == 5) {
              throw new IllegalStateException("a user's");
            }
          }
        };
    try (Backend backend = Backends.open(Device.CPU)) {
      Trainer trainer = new Trainer(run, backend, throwing);
      assertThrows(IllegalStateException.class, trainer::start);
    }
    assertEquals(5, Files.readAllLines(run.out().resolve("metrics.jsonl")).size());
    assertGoesOn();
  }
}
