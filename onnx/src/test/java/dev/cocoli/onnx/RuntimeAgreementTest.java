package dev.cocoli.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.onnx.OnnxOptions.Input;
import dev.cocoli.onnx.OnnxOptions.Parts;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An exported model finds in ONNX Runtime what the detector itself finds. */
@Tag("slow")
class RuntimeAgreementTest {
  /** Heights and widths. */
  private static final int[][] SIZES = {
    {33, 47}, {47, 33}, {64, 64}, {60, 90}, {100, 101}, {97, 203}, {128, 96}, {160, 160},
    {199, 120}, {211, 317}, {240, 400}, {241, 401}, {300, 200}, {333, 500}, {375, 500}, {480, 640},
    {427, 640}, {600, 800}, {1080, 720}, {800, 1333}
  };

  @TempDir private Path folder;

  private OnnxRun export(Detector detector, OnnxOptions options) throws IOException, OrtException {
    Path file = folder.resolve("model.onnx");
    OnnxExport.write(detector, file, options);
    return new OnnxRun(file);
  }

  @Test
  void twentySizes() throws IOException, OrtException {
    try (Detector pyramid = Fixture.PYRAMID.open();
        Detector oneMap = Fixture.ONE_MAP.open();
        OnnxRun pyramidRun = export(pyramid, OnnxOptions.DEFAULT);
        OnnxRun oneMapRun = export(oneMap, OnnxOptions.DEFAULT)) {
      Agreement ofPyramid = new Agreement();
      Agreement ofOneMap = new Agreement();
      for (int i = 0; i < SIZES.length; i++) {
        try (Image image = Fixture.image(SIZES[i][0], SIZES[i][1], i)) {
          ofPyramid.add(pyramid.detect(image), pyramidRun.detect(image));
          ofOneMap.add(oneMap.detect(image), oneMapRun.detect(image));
        }
      }
      ofPyramid.require(60);
      ofOneMap.require(60);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {OnnxOptions.MIN_OPSET, OnnxOptions.MAX_OPSET})
  void oldestAndNewestVersionOfTheOperators(int opset) throws IOException, OrtException {
    for (Fixture fixture : Fixture.values()) {
      try (Detector detector = fixture.open();
          OnnxRun run = export(detector, OnnxOptions.DEFAULT.withOpset(opset))) {
        Agreement agreement = new Agreement();
        for (int seed = 0; seed < 3; seed++) {
          try (Image image = Fixture.image(160, 190 + seed, 100 + seed)) {
            agreement.add(detector.detect(image), run.detect(image));
          }
        }
        agreement.require(6);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void batchesOfOneAndOfTwo(Fixture fixture) throws IOException, OrtException {
    try (Detector detector = fixture.open();
        OnnxRun run = export(detector, OnnxOptions.DEFAULT.withInput(Input.BATCH));
        Image first = Fixture.image(150, 200, 21);
        Image second = Fixture.image(150, 200, 22);
        Image empty = Image.of(150, 200, new byte[3 * 150 * 200])) {
      for (List<Image> batch :
          List.of(List.of(first), List.of(first, second), List.of(empty, second))) {
        Agreement agreement = new Agreement();
        List<List<Detection>> ours = detector.detect(batch);
        List<List<Detection>> theirs = run.detect(batch);
        for (int i = 0; i < batch.size(); i++) {
          agreement.add(ours.get(i), theirs.get(i));
        }
        agreement.require(1);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsFound(Fixture fixture) throws IOException, OrtException {
    try (Detector detector = fixture.open(c -> c.withBoxHead(b -> b.withScoreThresh(1)));
        OnnxRun run = export(detector, OnnxOptions.DEFAULT);
        Image image = Fixture.image(160, 160, 1)) {
      assertEquals(List.of(), detector.detect(image));
      assertEquals(List.of(), run.detect(image));
    }
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsProposed(Fixture fixture) throws IOException, OrtException {
    try (Detector detector = fixture.open(c -> c.withRpn(r -> r.withScoreThresh(2)));
        OnnxRun run = export(detector, OnnxOptions.DEFAULT);
        OnnxRun heads = export(detector, OnnxOptions.DEFAULT.withParts(Parts.HEADS));
        Image image = Fixture.image(160, 160, 1)) {
      assertEquals(List.of(), detector.detect(image));
      assertEquals(List.of(), run.detect(image));
      assertEquals(0, heads.heads(image).scores()[0][0]);
    }
  }

  /** With other thresholds, because small models find little in what is no shape. */
  @ParameterizedTest
  @EnumSource
  void imagesBelow32Pixels(Fixture fixture) throws IOException, OrtException {
    int[][] sizes = {{1, 1}, {20, 24}, {31, 31}, {16, 500}, {500, 16}, {5, 300}, {2, 31}};
    try (Detector detector = fixture.open(c -> c.withBoxHead(b -> b.withScoreThresh(0.01f)));
        OnnxRun run = export(detector, OnnxOptions.DEFAULT)) {
      Agreement agreement = new Agreement();
      for (int[] size : sizes) {
        try (Image image = Fixture.image(size[0], size[1], 3)) {
          agreement.add(detector.detect(image), run.detect(image));
        }
      }
      agreement.require(20);
    }
  }

  /** Suppressing what the heads say gives the detections. */
  @ParameterizedTest
  @EnumSource
  void headsLeaveTheLastSuppressionToOthers(Fixture fixture) throws IOException, OrtException {
    try (Detector detector = fixture.open();
        OnnxRun run = export(detector, OnnxOptions.DEFAULT.withParts(Parts.HEADS))) {
      Agreement agreement = new Agreement();
      for (int seed = 0; seed < 4; seed++) {
        try (Image image = Fixture.image(170 + 50 * seed, 200, 30 + seed)) {
          agreement.add(detector.detect(image), suppress(run.heads(image)));
        }
      }
      agreement.require(10);
    }
  }

  private static List<Detection> suppress(OnnxRun.Heads heads) {
    List<Detection> kept = new ArrayList<>();
    for (int label = 1; label <= heads.scores()[0].length; label++) {
      List<Detection> ofClass = new ArrayList<>();
      for (int region = 0; region < heads.scores().length; region++) {
        float[] b = heads.boxes()[region][label - 1];
        float score = heads.scores()[region][label - 1];
        if (score > 0.05f) {
          ofClass.add(new Detection(new Box(b[0], b[1], b[2], b[3]), label, score));
        }
      }
      ofClass.sort(Comparator.comparing(Detection::score).reversed());
      List<Detection> keptOfClass = new ArrayList<>();
      for (Detection one : ofClass) {
        if (keptOfClass.stream().allMatch(k -> Agreement.iou(k.box(), one.box()) <= 0.5)) {
          keptOfClass.add(one);
        }
      }
      kept.addAll(keptOfClass);
    }
    kept.sort(Comparator.comparing(Detection::score).reversed());
    return kept.subList(0, Math.min(100, kept.size()));
  }

  /** Its blocks have three convolutions, and frozen norms; the weights are drawn. */
  @Test
  void bottlenecks() throws IOException, OrtException {
    ModelSpec spec =
        ModelSpec.of("fasterrcnn_resnet50_fpn", List.of("cat", "dog"), Norm.Type.FROZEN)
            .withConfig(
                c ->
                    c.withTransform(t -> t.withSizes(96, 160))
                        .withBackbone(b -> b.withFpnOutChannels(32))
                        .withBoxHead(b -> b.withHeadSize(64)));
    try (Backend backend = Backends.open(Device.CPU)) {
      DetectionModel model = spec.build();
      try (ParameterArena parameters = ParameterArena.forTraining(backend, model);
          Image image = Fixture.image(120, 150, 8)) {
        parameters.initialize(5);
        model
            .namedParameters()
            .forEach(
                (name, parameter) -> {
                  if (name.endsWith("bn3.weight")) { // what a block adds stays small
                    fill(backend, parameter.value(), 0.2f);
                  } else if (name.endsWith("running_var")) {
                    fill(backend, parameter.value(), 0.8f);
                  } else if (name.endsWith("running_mean")) {
                    fill(backend, parameter.value(), 0.1f);
                  }
                });
        Detector detector = Detector.over(spec, model, backend, Precision.FP32);
        try (OnnxRun run = export(detector, OnnxOptions.DEFAULT)) {
          Agreement agreement = new Agreement();
          agreement.add(detector.detect(image), run.detect(image));
          agreement.require(20);
        }
      }
    }
  }

  private static void fill(Backend backend, Tensor tensor, float value) {
    float[] values = new float[(int) tensor.elementCount()];
    Arrays.fill(values, value);
    backend.transfers().upload(values, tensor);
  }

  @Test
  void detectionsComeInFallingOrder() throws IOException, OrtException {
    try (Detector detector = Fixture.PYRAMID.open();
        OnnxRun run = export(detector, OnnxOptions.DEFAULT);
        Image image = Fixture.image(300, 300, 5)) {
      List<Detection> found = run.detect(image);
      for (int i = 1; i < found.size(); i++) {
        assertTrue(found.get(i - 1).score() >= found.get(i).score());
      }
    }
  }
}
