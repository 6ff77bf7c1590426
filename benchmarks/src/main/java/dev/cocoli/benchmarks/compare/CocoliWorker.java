package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.benchmarks.DetectorRun;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.LossValues;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Precision;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Runs Cocoli's side of a comparison: a process that answers the same requests as {@code peers.py}.
 * Arguments: folder, task, samplers, precision, learning rate.
 */
final class CocoliWorker {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Task task;
  private final DetectorRun detector;
  private final float learningRate;
  private final List<Image> images = new ArrayList<>();
  private final List<Target> targets = new ArrayList<>();
  private List<List<Detection>> found;
  private LossValues losses;
  private long step;

  private CocoliWorker(Task task, DetectorRun detector, float learningRate) {
    this.task = task;
    this.detector = detector;
    this.learningRate = learningRate;
  }

  /**
   * Answers requests until the input ends.
   *
   * @param arguments folder, task, samplers, precision, learning rate
   * @throws IOException if the work cannot be read
   */
  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    Task task = Task.valueOf(arguments[1].toUpperCase(Locale.ROOT));
    Work.Samplers samplers = Work.Samplers.valueOf(arguments[2].toUpperCase(Locale.ROOT));
    Precision precision = Precision.parse(arguments[3]);
    Work work = Work.read(folder);
    try (Backend backend = Backends.open(Backends.device(work.device()));
        DetectorRun detector =
            task == Task.DETECT
                ? DetectorRun.forDetection(backend, work.spec(samplers), precision)
                : DetectorRun.forTraining(backend, work.spec(samplers), precision)) {
      detector.load(folder.resolve(Work.WEIGHTS));
      CocoliWorker worker = new CocoliWorker(task, detector, Float.parseFloat(arguments[4]));
      worker.read(folder.resolve(Work.INPUTS), work.batch());
      worker.serve();
    }
  }

  private void read(Path inputs, int batch) throws IOException {
    try (Safetensors file = Safetensors.open(inputs)) {
      for (int i = 0; i < batch; i++) {
        Safetensors.Entry image = file.entries().get("image." + i);
        images.add(
            Image.of(
                (int) image.shape().dim(0),
                (int) image.shape().dim(1),
                image.data().toArray(ValueLayout.JAVA_BYTE)));
        targets.add(
            target(
                file.entries().get("boxes." + i).data(), file.entries().get("labels." + i).data()));
      }
    }
  }

  private static Target target(MemorySegment boxes, MemorySegment labels) {
    float[] sides = boxes.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    long[] classes = labels.toArray(ValueLayout.JAVA_LONG_UNALIGNED);
    List<Box> objects = new ArrayList<>();
    int[] numbers = new int[classes.length];
    for (int i = 0; i < classes.length; i++) {
      numbers[i] = Math.toIntExact(classes[i]);
      objects.add(new Box(sides[4 * i], sides[4 * i + 1], sides[4 * i + 2], sides[4 * i + 3]));
    }
    return new Target(objects, numbers);
  }

  private void serve() throws IOException {
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String request = requests.readLine(); request != null; request = requests.readLine()) {
      ObjectNode answer =
          switch (request) {
            case "run" -> run();
            case "result" -> result();
            case "memory" -> JSON.createObjectNode().put("bytes", ProcessMemory.peakBytes());
            default -> throw new IllegalArgumentException("unknown request '" + request + "'");
          };
      System.out.println(JSON.writeValueAsString(answer));
    }
  }

  private ObjectNode run() {
    long began = System.nanoTime();
    switch (task) {
      case DETECT -> found = detector.detect(images);
      case TRAIN -> losses = detector.train(images, targets, step++, learningRate);
    }
    return JSON.createObjectNode().put("seconds", (System.nanoTime() - began) / 1e9);
  }

  private ObjectNode result() {
    ObjectNode answer = JSON.createObjectNode();
    if (task == Task.TRAIN) {
      ObjectNode values = answer.putObject("losses");
      losses.byName().forEach(values::put);
      return answer;
    }
    ArrayNode list = answer.putArray("detections");
    for (List<Detection> image : found) {
      ObjectNode one = list.addObject();
      ArrayNode boxes = one.putArray("boxes");
      ArrayNode scores = one.putArray("scores");
      ArrayNode labels = one.putArray("labels");
      for (Detection detection : image) {
        Box box = detection.box();
        boxes.addArray().add(box.x1()).add(box.y1()).add(box.x2()).add(box.y2());
        scores.add(detection.score());
        labels.add(detection.label());
      }
    }
    return answer;
  }
}
