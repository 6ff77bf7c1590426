package dev.cocoli.benchmarks.roofline;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.benchmarks.DetectorRun;
import dev.cocoli.benchmarks.SyntheticModel;
import dev.cocoli.bindings.access.LoadedLibraries;
import dev.cocoli.bindings.status.CStrings;
import dev.cocoli.data.image.Image;
import dev.cocoli.failure.CocoliException;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Device;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The process in which a stand-in is the GPU: runs the work until nothing is new any more, and
 * writes the calls of the last runs. Its arguments are the file, the card, and the words of a
 * {@link Workload}.
 */
final class CountedRun {
  /** What stands between the calls of two runs. */
  static final String END_OF_RUN = "end";

  /**
   * Runs in all: a convolution's plan is chosen at its eighth use, and the second last run is there
   * to compare the last with.
   */
  private static final int RUNS = 10;

  private static final int WRITTEN = 2;

  private CountedRun() {}

  /**
   * Runs the work.
   *
   * @param arguments as above
   * @throws IOException if the file cannot be written
   */
  public static void main(String[] arguments) throws IOException {
    Card card = Card.parse(arguments[1]);
    Workload work =
        Workload.of(
            arguments[2], arguments[3], Integer.parseInt(arguments[4]), arguments[5], arguments[6]);
    Device gpu = new Device(Device.Kind.CUDA, 0);
    // loads the libraries
    Backends.problem(gpu)
        .ifPresent(
            problem -> {
              throw new IllegalStateException(problem);
            });
    call(
        "fake_count",
        FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG),
        card.multiprocessors(),
        card.memoryBytes());
    try (Backend backend = Backends.open(gpu);
        BufferedWriter out = Files.newBufferedWriter(Path.of(arguments[0]))) {
      count(backend, work, out);
    } catch (CocoliException | IllegalArgumentException e) {
      // more memory than the card has, or a batch that a kernel cannot count
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }

  private static void count(Backend backend, Workload work, BufferedWriter out) throws IOException {
    SplittableRandom random = new SplittableRandom(7);
    List<Image> images = new ArrayList<>();
    List<Target> targets = new ArrayList<>();
    for (int i = 0; i < work.batch(); i++) {
      images.add(SyntheticModel.noise(work.size(), random));
      targets.add(SyntheticModel.twoObjects(work.size()));
    }
    try (DetectorRun run =
        DetectorRun.forTraining(
            backend,
            SyntheticModel.spec(Workload.MODEL, work.size(), work.norm()),
            work.precision())) {
      // weights and pixels do not matter, nobody computes with them
      for (int i = 0; i < RUNS; i++) {
        calls();
        switch (work.task()) {
          case TRAIN -> run.train(images, targets, i, 1e-4f);
          case DETECT -> run.detect(images);
        }
        if (i >= RUNS - WRITTEN) {
          out.write(calls());
          out.write(END_OF_RUN + "\n");
        }
      }
    } finally {
      images.forEach(Image::close);
    }
  }

  /** The calls since the last time that this was asked, a line each. */
  private static String calls() {
    return CStrings.at(
        (MemorySegment) call("fake_counted", FunctionDescriptor.of(ValueLayout.ADDRESS)));
  }

  private static Object call(String name, FunctionDescriptor type, Object... arguments) {
    try {
      return Linker.nativeLinker()
          .downcallHandle(LoadedLibraries.lookup().find(name).orElseThrow(), type)
          .invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
