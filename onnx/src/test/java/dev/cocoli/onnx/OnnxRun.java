package dev.cocoli.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.lang.foreign.ValueLayout;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** An exported model in ONNX Runtime. */
final class OnnxRun implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;

  OnnxRun(Path model) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(2);
      session = environment.createSession(model.toString(), options);
    }
  }

  OrtSession session() {
    return session;
  }

  /** What a model for one image finds. */
  List<Detection> detect(Image image) throws OrtException {
    try (OnnxTensor input = tensor(List.of(image), 3, image.height(), image.width());
        OrtSession.Result result = session.run(Map.of("image", input))) {
      return detections(result);
    }
  }

  /** What a model for a batch finds in images of one size. */
  List<List<Detection>> detect(List<Image> images) throws OrtException {
    Image first = images.getFirst();
    try (OnnxTensor input = tensor(images, images.size(), 3, first.height(), first.width());
        OrtSession.Result result = session.run(Map.of("images", input))) {
      List<List<Detection>> perImage = new ArrayList<>();
      images.forEach(image -> perImage.add(new ArrayList<>()));
      long[] numbers = (long[]) result.get("image_numbers").orElseThrow().getValue();
      List<Detection> all = detections(result);
      for (int i = 0; i < numbers.length; i++) {
        perImage.get((int) numbers[i]).add(all.get(i));
      }
      return perImage;
    }
  }

  /**
   * What the heads of a model for one image say of its proposals.
   *
   * @param boxes {@code [R][K-1][4]}
   * @param scores {@code [R][K-1]}
   */
  record Heads(float[][][] boxes, float[][] scores) {}

  Heads heads(Image image) throws OrtException {
    try (OnnxTensor input = tensor(List.of(image), 3, image.height(), image.width());
        OrtSession.Result result = session.run(Map.of("image", input))) {
      return new Heads(
          (float[][][]) result.get("boxes").orElseThrow().getValue(),
          (float[][]) result.get("scores").orElseThrow().getValue());
    }
  }

  private static List<Detection> detections(OrtSession.Result result) throws OrtException {
    float[][] boxes = (float[][]) result.get("boxes").orElseThrow().getValue();
    long[] labels = (long[]) result.get("labels").orElseThrow().getValue();
    float[] scores = (float[]) result.get("scores").orElseThrow().getValue();
    List<Detection> detections = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      float[] b = boxes[i];
      detections.add(
          new Detection(new Box(b[0], b[1], b[2], b[3]), Math.toIntExact(labels[i]), scores[i]));
    }
    return detections;
  }

  /** Images as channels, rows, columns, from 0 to 1. */
  private OnnxTensor tensor(List<Image> images, long... shape) throws OrtException {
    int perColour = images.getFirst().height() * images.getFirst().width();
    float[] values = new float[3 * perColour * images.size()];
    for (int i = 0; i < values.length; i++) {
      Image image = images.get(i / (3 * perColour));
      int colour = i / perColour % 3;
      long at = 3L * (i % perColour) + colour;
      values[i] = (image.pixels().get(ValueLayout.JAVA_BYTE, at) & 0xFF) / 255f;
    }
    return OnnxTensor.createTensor(environment, FloatBuffer.wrap(values), shape);
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}
