package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.SgdSpec;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.detection.Box;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.FasterRcnn;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.Target;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Times one detection and one training step on one picture, as the reference script {@code
 * speed.py} times torchvision: random weights, 91 classes, trainable batch norm, a picture of the
 * size that the model works at. Prints a line of JSON for each.
 *
 * <p>Arguments: model, height x width, runs, {@code infer}, {@code train} or {@code both}.
 */
public final class Speed {
  private static final int WARM_UPS = 2;
  private static final SgdSpec SGD = new SgdSpec(1e-4f, 0.9f, 0);

  private Speed() {}

  /**
   * Runs the benchmark.
   *
   * @param args model, size, runs, what
   * @throws IOException if the peak memory cannot be read
   */
  public static void main(String[] args) throws IOException {
    String model = args.length > 0 ? args[0] : "fasterrcnn_resnet50_fpn";
    String[] size = (args.length > 1 ? args[1] : "800x1088").split("x");
    int runs = args.length > 2 ? Integer.parseInt(args[2]) : 5;
    String what = args.length > 3 ? args[3] : "both";
    long height = Long.parseLong(size[0]);
    long width = Long.parseLong(size[1]);
    List<String> classes = new ArrayList<>();
    for (int i = 1; i <= 90; i++) {
      classes.add("class" + i);
    }
    ModelSpec spec =
        ModelSpec.of(model, classes, Norm.Type.BATCH)
            .with(
                Map.of(
                    "min_size", Long.toString(Math.min(height, width)),
                    "max_size", Long.toString(Math.max(height, width))));
    float[] pixels = new float[Math.toIntExact(height * width * 3)];
    SplittableRandom random = new SplittableRandom(0);
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = random.nextFloat();
    }
    try (Backend backend = Backends.open(Device.CPU)) {
      if (!what.equals("train")) {
        FasterRcnn detector = (FasterRcnn) spec.build();
        try (ParameterArena parameters = ParameterArena.forInference(backend, detector)) {
          parameters.initialize(0);
          clock("infer", runs, () -> detect(backend, detector, pixels, height, width));
        }
      }
      if (!what.equals("infer")) {
        FasterRcnn learner = (FasterRcnn) spec.build();
        try (ParameterArena parameters = ParameterArena.forTraining(backend, learner)) {
          parameters.initialize(0);
          clock("train", runs, () -> train(backend, learner, parameters, pixels, height, width));
        }
      }
      System.out.printf(
          Locale.ROOT,
          "{\"pool_peak_mb\": %d, \"process_peak_mb\": %d}%n",
          backend.pool().peakUsedBytes() >> 20,
          processPeakKilobytes() >> 10);
    }
  }

  private static void detect(
      Backend backend, FasterRcnn model, float[] pixels, long height, long width) {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE);
      model.detect(ops, List.of(ops.upload(pixels, height, width, 3)));
    }
  }

  private static void train(
      Backend backend,
      FasterRcnn model,
      ParameterArena parameters,
      float[] pixels,
      long height,
      long width) {
    Target target =
        new Target(
            List.of(
                new Box(0.1f * width, 0.1f * height, 0.4f * width, 0.6f * height),
                new Box(0.5f * width, 0.3f * height, 0.9f * width, 0.8f * height)),
            new int[] {3, 7});
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Tape tape = new Tape();
      parameters.watch(tape);
      backend.fill(parameters.gradients(), 0);
      Ops ops = new Ops(backend, scope, tape);
      Tensor losses =
          model.loss(ops, List.of(ops.upload(pixels, height, width, 3)), List.of(target), 0);
      ops.backward();
      backend.sgdUpdate(SGD, parameters.values(), parameters.gradients(), parameters.velocities());
      DetectionModel.read(ops, losses);
    }
  }

  private static void clock(String way, int runs, Runnable run) {
    for (int i = 0; i < WARM_UPS; i++) {
      run.run();
    }
    double[] seconds = new double[runs];
    for (int i = 0; i < runs; i++) {
      long began = System.nanoTime();
      run.run();
      seconds[i] = (System.nanoTime() - began) / 1e9;
    }
    Arrays.sort(seconds);
    System.out.printf(
        Locale.ROOT,
        "{\"way\": \"%s\", \"median\": %.3f, \"min\": %.3f}%n",
        way,
        seconds[runs / 2],
        seconds[0]);
  }

  /** The peak of the process's resident memory; 0 where the system does not tell. */
  private static long processPeakKilobytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return 0;
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return 0;
  }
}
