package dev.cocoli.detection;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.detection.head.RoiPooling;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Shape;
import dev.cocoli.testing.Fixtures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights go to a file and come back, and what does not fit is named. */
class WeightsFileTest {
  private static final Path TORCHVISION =
      Fixtures.folder("oracle").resolve("frcnn-tiny-batch-0/weights.safetensors");
  private static final ModelSpec SPEC =
      ModelSpec.of("fasterrcnn_tiny_fpn", List.of("a", "b", "c"), Norm.Type.BATCH);

  @TempDir Path folder;
  private Backend backend;

  @BeforeEach
  void open() {
    backend = Backends.open(Device.CPU);
  }

  @AfterEach
  void close() {
    backend.close();
  }

  @Test
  void torchvisionsFileComesBackByteByByte() throws IOException {
    DetectionModel model = SPEC.build();
    Path copy = folder.resolve("copy.safetensors");
    try (ParameterArena parameters = ParameterArena.forInference(backend, model);
        WeightsFile file = WeightsFile.open(TORCHVISION);
        Arena arena = Arena.ofConfined()) {
      assertTrue(file.spec().isEmpty(), "bare weights do not say what they are for");
      file.load(model, backend);
      Safetensors.write(copy, SPEC.toMetadata(), StateDict.save(model, backend, arena));
      assertEquals(parameters.module(), model);
    }
    try (Safetensors before = Safetensors.open(TORCHVISION);
        Safetensors after = Safetensors.open(copy);
        WeightsFile file = WeightsFile.open(copy)) {
      assertEquals(before.entries().keySet(), after.entries().keySet());
      before
          .entries()
          .forEach(
              (name, entry) -> {
                assertEquals(entry.shape(), after.entries().get(name).shape(), name);
                assertArrayEquals(
                    entry.data().toArray(ValueLayout.JAVA_BYTE),
                    after.entries().get(name).data().toArray(ValueLayout.JAVA_BYTE),
                    name);
              });
      assertEquals(SPEC, file.spec().orElseThrow());
    }
  }

  @Test
  void aFileMayBeWrittenOverItself() throws IOException {
    Path own = Files.copy(TORCHVISION, folder.resolve("own.safetensors"));
    try (WeightsFile file = WeightsFile.open(own)) {
      file.write(own, SPEC, backend);
    }
    try (WeightsFile file = WeightsFile.open(own)) {
      assertEquals(SPEC, file.spec().orElseThrow());
      file.write(own);
    }
    DetectionModel model = SPEC.build();
    try (ParameterArena _ = ParameterArena.forInference(backend, model);
        WeightsFile file = WeightsFile.open(own)) {
      file.load(model, backend);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "max_size, min_size, 2147483647",
    "max_size, max_size, -2147483648",
    "box_detections_per_img, box_detections_per_img, 2147483647",
    "box_pool_size, box_pool_size, 16777217",
    "rpn_pre_nms_top_n_test, rpn_pre_nms_top_n_test, 2147483647",
  })
  void aHyperparameterOutOfRangeIsRefusedWithTheFile(String first, String name, int value)
      throws IOException {
    Map<String, String> metadata = new LinkedHashMap<>(SPEC.toMetadata());
    metadata.put(
        "cocoli.config", "{\"%s\":\"%d\",\"%s\":\"%d\"}".formatted(first, value, name, value));
    Path bad = folder.resolve("bad.safetensors");
    Safetensors.write(bad, metadata, Map.of());
    try (WeightsFile file = WeightsFile.open(bad)) {
      IOException e = assertThrows(IOException.class, file::spec);
      assertTrue(e.getMessage().startsWith(bad + ": "), e.getMessage());
      assertTrue(e.getMessage().contains(name + " cannot be"), e.getMessage());
    }
  }

  /** The second size is in the file's last page, whose rest is then zero. */
  @ParameterizedTest
  @CsvSource({"1000", "-16"})
  void aFileCutWhileItIsMappedIsNamed(int size) throws IOException {
    DetectionModel model = SPEC.build();
    Path cut = folder.resolve("cut.safetensors");
    Files.copy(TORCHVISION, cut);
    try (ParameterArena parameters = ParameterArena.forInference(backend, model);
        WeightsFile file = WeightsFile.open(cut)) {
      try (FileChannel channel = FileChannel.open(cut, StandardOpenOption.WRITE)) {
        channel.truncate(size > 0 ? size : channel.size() + size);
      }
      IOException e = assertThrows(IOException.class, () -> file.load(model, backend));
      assertEquals(cut + ": was cut while it was read", e.getMessage());
      assertEquals(parameters.module(), model);
    }
  }

  @Test
  void everyFaultIsNamed() throws IOException {
    DetectionModel model = SPEC.build();
    Path bad = folder.resolve("bad.safetensors");
    try (ParameterArena parameters = ParameterArena.forInference(backend, model);
        Safetensors good = Safetensors.open(TORCHVISION);
        Arena arena = Arena.ofConfined()) {
      parameters.initialize(1);
      Map<String, Safetensors.Entry> entries = new LinkedHashMap<>(good.entries());
      entries.remove("rpn.head.cls_logits.bias");
      entries.put("surplus", new Safetensors.Entry(DType.F32, Shape.of(1), arena.allocate(4)));
      entries.put(
          "backbone.body.bn1.weight",
          new Safetensors.Entry(DType.F32, Shape.of(2), arena.allocate(8)));
      Safetensors.write(bad, Map.of(), entries);
      try (WeightsFile file = WeightsFile.open(bad)) {
        IOException e = assertThrows(IOException.class, () -> file.load(model, backend));
        assertTrue(e.getMessage().contains("1 missing: rpn.head.cls_logits.bias"), e.getMessage());
        assertTrue(e.getMessage().contains("1 unknown: surplus"), e.getMessage());
        assertTrue(
            e.getMessage().contains("backbone.body.bn1.weight (F32[2], wanted F32[8])"),
            e.getMessage());
        assertTrue(e.getMessage().contains("bad.safetensors"), e.getMessage());
      }
    }
  }

  /** A classifier's file: the keys of a torchvision network, hashed numbers. */
  private Path classifier(Map<String, Shape> shapes, Arena arena) throws IOException {
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
    shapes.forEach(
        (key, shape) -> {
          MemorySegment data = arena.allocate(4 * shape.elementCount(), 4);
          for (long i = 0; i < shape.elementCount(); i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, key.hashCode() % 100 + i);
          }
          entries.put(key, new Safetensors.Entry(DType.F32, shape, data));
        });
    Path file = folder.resolve("classifier.safetensors");
    Safetensors.write(file, Map.of(), entries);
    return file;
  }

  /** The torch shapes of a model's part, under the keys that a classifier has for it. */
  private static Map<String, Shape> shapes(DetectionModel model, Map<String, String> prefixes) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    model
        .namedParameters()
        .forEach(
            (key, parameter) ->
                prefixes.forEach(
                    (own, theirs) -> {
                      if (key.startsWith(own)) {
                        shapes.put(
                            theirs + key.substring(own.length()),
                            parameter.layout().torchShape(parameter.shape()));
                      }
                    }));
    return shapes;
  }

  @Test
  void aVggClassifierFillsBackboneAndBoxHead() throws IOException {
    DetectionModel model = ModelSpec.of("fastrcnn_tinyvgg", List.of("a"), Norm.Type.FROZEN).build();
    Map<String, Shape> shapes =
        shapes(
            model,
            Map.of(
                "backbone.", "",
                "roi_heads.box_head.fc6.", "classifier.0.",
                "roi_heads.box_head.fc7.", "classifier.3."));
    shapes.put("classifier.6.weight", Shape.of(1000, 32));
    shapes.put("classifier.6.bias", Shape.of(1000));
    assertLoads(model, shapes, "roi_heads.box_head.fc7.weight", "classifier.3.weight");
  }

  @Test
  void aResNetClassifierFillsThreeLayersOrFour() throws IOException {
    DetectionModel rcnn = ModelSpec.of("rcnn_tiny", List.of("a"), Norm.Type.BATCH).build();
    Map<String, Shape> shapes = shapes(rcnn, Map.of("network.body.", ""));
    shapes.put("fc.weight", Shape.of(1000, 64));
    shapes.put("fc.bias", Shape.of(1000));
    assertLoads(rcnn, shapes, "network.body.layer4.0.bn1.bias", "layer4.0.bn1.bias");
    DetectionModel fast = ModelSpec.of("fastrcnn_tiny", List.of("a"), Norm.Type.FROZEN).build();
    assertLoads(fast, shapes, "backbone.body.layer3.0.bn1.bias", "layer3.0.bn1.bias");
    shapes.remove("layer3.0.conv1.weight");
    IOException e =
        assertThrows(IOException.class, () -> assertLoads(fast, shapes, "", "layer3.0.bn1.bias"));
    assertTrue(e.getMessage().contains("1 missing: layer3.0.conv1.weight"), e.getMessage());
  }

  private void assertLoads(
      DetectionModel model, Map<String, Shape> shapes, String own, String theirs)
      throws IOException {
    try (ParameterArena parameters = ParameterArena.forInference(backend, model);
        Arena arena = Arena.ofConfined();
        WeightsFile file = WeightsFile.open(classifier(shapes, arena))) {
      parameters.initialize(1);
      assertTrue(file.isClassifier());
      file.loadBackbone(model, backend);
      float[] values = new float[(int) shapes.get(theirs).elementCount()];
      backend
          .transfers()
          .download(model.namedParameters().get(own).value(), MemorySegment.ofArray(values));
      assertEquals(theirs.hashCode() % 100, values[0]);
    }
  }

  @Test
  void aModelHasTheHyperParametersThatMeanSomethingToIt() {
    for (String name : Models.names()) {
      ModelSpec spec = ModelSpec.of(name, List.of("a"), Norm.Type.FROZEN);
      assertEquals(
          spec, ModelSpec.fromMetadata(spec.toMetadata(), Optional.empty()).orElseThrow(), name);
      boolean proposes = !spec.needsProposals();
      assertEquals(proposes, spec.hyperparameters().containsKey("rpn_nms_thresh"), name);
      assertEquals(!proposes, spec.hyperparameters().containsKey("max_proposals"), name);
      assertEquals(name.startsWith("rcnn"), spec.hyperparameters().containsKey("svm_c"), name);
    }
    ModelSpec fast = ModelSpec.of("fastrcnn_vgg16", List.of("a"), Norm.Type.FROZEN);
    assertEquals("64", fast.hyperparameters().get("box_batch_size_per_image"));
    assertEquals("0.25", fast.hyperparameters().get("box_positive_fraction"));
    assertEquals("0.1", fast.hyperparameters().get("box_bg_iou_min"));
    assertEquals("pool", fast.hyperparameters().get("box_roi_pool"));
    assertEquals(
        RoiPooling.ALIGN, fast.with(Map.of("box_roi_pool", "align")).config().boxHead().roiPool());
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> fast.with(Map.of("anchor_sizes", "1")));
    assertTrue(e.getMessage().contains("means nothing to fastrcnn_vgg16"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> fast.with(Map.of("box_roi_pool", "mean")));
    assertRefused("one size for each of the 5 maps", Map.of("anchor_sizes", "32,64"));
  }

  @Test
  void damagedValuesAreNamed() throws IOException {
    String counter = "backbone.body.bn1.num_batches_tracked";
    String bias = "rpn.head.cls_logits.bias";
    try (Arena arena = Arena.ofConfined()) {
      assertDamaged(counter, new Safetensors.Entry(DType.I64, Shape.of(0), arena.allocate(0)));
      assertDamaged(counter, new Safetensors.Entry(DType.F32, Shape.of(), arena.allocate(4)));
      MemorySegment values = arena.allocate(12);
      values.setAtIndex(ValueLayout.JAVA_FLOAT, 2, Float.NaN);
      assertDamaged(bias, new Safetensors.Entry(DType.F32, Shape.of(3), values));
      values.setAtIndex(ValueLayout.JAVA_FLOAT, 2, Float.NEGATIVE_INFINITY);
      assertDamaged(bias, new Safetensors.Entry(DType.F32, Shape.of(3), values));
    }
  }

  private void assertDamaged(String name, Safetensors.Entry entry) throws IOException {
    DetectionModel model = SPEC.build();
    Path bad = folder.resolve("bad.safetensors");
    try (ParameterArena parameters = ParameterArena.forInference(backend, model);
        Safetensors good = Safetensors.open(TORCHVISION)) {
      assertEquals(parameters.module(), model);
      Map<String, Safetensors.Entry> entries = new LinkedHashMap<>(good.entries());
      entries.put(name, entry);
      Safetensors.write(bad, Map.of(), entries);
      try (WeightsFile file = WeightsFile.open(bad)) {
        IOException e = assertThrows(IOException.class, () -> file.load(model, backend));
        assertTrue(e.getMessage().contains(name), e.getMessage());
        assertTrue(e.getMessage().contains("bad.safetensors"), e.getMessage());
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cocoli.classes | null | classes",
        "cocoli.classes | [null] | classes",
        "cocoli.classes | {} | classes",
        "cocoli.config | null | config",
        "cocoli.config | {\"min_size\":null} | min_size",
        "cocoli.config | 7 | config",
        "cocoli.norm | layer | 'layer'",
        "cocoli.model | yolo | 'yolo'",
      })
  void aDamagedDescriptionIsOneClearError(String key, String value, String words)
      throws IOException {
    Map<String, String> metadata = new LinkedHashMap<>(SPEC.toMetadata());
    metadata.put(key, value);
    Path bad = folder.resolve("bad.safetensors");
    Safetensors.write(bad, metadata, Map.of());
    try (WeightsFile file = WeightsFile.open(bad)) {
      IOException e = assertThrows(IOException.class, file::spec);
      assertTrue(e.getMessage().contains(words), e.getMessage());
      assertTrue(e.getMessage().contains("bad.safetensors"), e.getMessage());
    }
  }

  @Test
  void hyperParametersAreSetUnderTorchvisionsNames() {
    ModelSpec changed =
        SPEC.with(Map.of("rpn_post_nms_top_n_train", "300", "image_mean", "0.1,0.2,0.3"));
    assertEquals(300, changed.config().rpn().postNmsTopNTrain());
    assertEquals(List.of(0.1f, 0.2f, 0.3f), changed.config().transform().imageMean());
    assertEquals(
        changed, ModelSpec.fromMetadata(changed.toMetadata(), Optional.empty()).orElseThrow());
    assertRefused("unknown hyper-parameter rpn_top", Map.of("rpn_top", "1"));
    assertRefused("min_size cannot be 'many'", Map.of("min_size", "many"));
    assertRefused("min_size is at least 1", Map.of("min_size", "0"));
    assertRefused("box_nms_thresh cannot be 'NaN'", Map.of("box_nms_thresh", "NaN"));
    assertRefused("anchor_sizes", Map.of("anchor_sizes", "32,64,-128,256,512"));
    assertRefused("anchor_aspect_ratios", Map.of("anchor_aspect_ratios", "0,1"));
    assertRefused("batch_norm_eps", Map.of("batch_norm_eps", "-1"));
  }

  private static void assertRefused(String words, Map<String, String> changes) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> SPEC.with(changes));
    assertTrue(e.getMessage().contains(words), e.getMessage());
  }
}
