package dev.cocoli.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import dev.cocoli.Detector;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.Models;
import dev.cocoli.nn.Norm;
import dev.cocoli.onnx.OnnxOptions.Parts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The points of an exported graph that runtimes stumble over, and what cannot be exported. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExportedGraphTest {
  @TempDir private Path folder;

  private Detector pyramid;

  @BeforeAll
  void open() throws IOException {
    pyramid = Fixture.PYRAMID.open();
  }

  @AfterAll
  void close() {
    pyramid.close();
  }

  private ModelProto export(OnnxOptions options) throws IOException {
    Path file = folder.resolve("model.onnx");
    OnnxExport.write(pyramid, file, options);
    return ModelProto.parseFrom(Files.readAllBytes(file));
  }

  private static List<NodeProto> nodes(ModelProto model, String operator) {
    return model.getGraph().getNodeList().stream()
        .filter(node -> node.getOpType().equals(operator))
        .toList();
  }

  private static NodeProto producer(ModelProto model, String value) {
    return model.getGraph().getNodeList().stream()
        .filter(node -> node.getOutputList().contains(value))
        .findFirst()
        .orElseThrow();
  }

  private static Map<String, AttributeProto> attributes(NodeProto node) {
    return node.getAttributeList().stream()
        .collect(Collectors.toMap(AttributeProto::getName, attribute -> attribute));
  }

  @Test
  void roiAlignSaysHowItSamples() throws IOException {
    List<NodeProto> nodes = nodes(export(OnnxOptions.DEFAULT), "RoiAlign");
    assertEquals(4, nodes.size());
    for (NodeProto node : nodes) {
      Map<String, AttributeProto> attributes = attributes(node);
      assertEquals(2, attributes.get("sampling_ratio").getI());
      assertEquals(
          "output_half_pixel",
          attributes.get("coordinate_transformation_mode").getS().toStringUtf8());
    }
  }

  @Test
  void roiAlignOfOldVersionsHasNoChoice() throws IOException {
    for (NodeProto node : nodes(export(OnnxOptions.DEFAULT.withOpset(15)), "RoiAlign")) {
      assertFalse(attributes(node).containsKey("coordinate_transformation_mode"));
      assertEquals(2, attributes(node).get("sampling_ratio").getI());
    }
  }

  @Test
  void topKTakesNoMoreThanThereIs() throws IOException {
    ModelProto model = export(OnnxOptions.DEFAULT);
    List<NodeProto> nodes = nodes(model, "TopK");
    assertEquals(7, nodes.size()); // of five maps, of all proposals, of all detections
    for (NodeProto node : nodes) {
      assertEquals("Min", producer(model, node.getInput(1)).getOpType());
    }
  }

  @Test
  void anchorsDependOnTheShapesOfMaps() throws IOException {
    ModelProto model = export(OnnxOptions.DEFAULT);
    // the only constants of anchors are those around the origin
    assertTrue(
        model.getGraph().getInitializerList().stream()
            .filter(array -> array.getName().startsWith("constant_"))
            .allMatch(array -> array.getRawData().size() <= 4 * 4 * 3));
    assertTrue(
        nodes(model, "Mod").stream()
            .filter(node -> node.getName().startsWith("rpn/"))
            .map(node -> producer(model, node.getInput(0)).getOpType())
            .collect(Collectors.toSet())
            .containsAll(Set.of("TopK", "Div")));
  }

  @Test
  void upsamplingTakesTheSizeOfTheMapBeside() throws IOException {
    ModelProto model = export(OnnxOptions.DEFAULT);
    List<NodeProto> nodes =
        nodes(model, "Resize").stream()
            .filter(node -> node.getName().startsWith("backbone/"))
            .toList();
    assertEquals(3, nodes.size());
    for (NodeProto node : nodes) {
      assertEquals(List.of("", ""), node.getInputList().subList(1, 3));
      NodeProto shape = producer(model, node.getInput(3));
      assertEquals("Shape", shape.getOpType());
      assertEquals("Conv", producer(model, shape.getInput(0)).getOpType());
    }
  }

  @Test
  void thereIsNoControlFlow() throws IOException {
    for (Parts parts : Parts.values()) {
      ModelProto model = export(OnnxOptions.DEFAULT.withParts(parts));
      Set<String> operators =
          model.getGraph().getNodeList().stream()
              .map(NodeProto::getOpType)
              .collect(Collectors.toSet());
      assertTrue(Stream.of("If", "Loop", "Scan", "Sequence").noneMatch(operators::contains));
      assertEquals(parts == Parts.ALL, operators.contains("NonMaxSuppression"));
    }
  }

  @Test
  void inputAndOutputsHaveTorchvisionsNames() throws IOException {
    ModelProto model = export(OnnxOptions.DEFAULT);
    assertEquals(
        List.of("boxes", "labels", "scores"),
        model.getGraph().getOutputList().stream().map(output -> output.getName()).toList());
    List<String> extents =
        model.getGraph().getInput(0).getType().getTensorType().getShape().getDimList().stream()
            .map(dim -> dim.hasDimValue() ? "" + dim.getDimValue() : dim.getDimParam())
            .toList();
    assertEquals(List.of("3", "height", "width"), extents);
  }

  @Test
  void metadataDescribesTheModel() throws IOException {
    ModelProto model = export(OnnxOptions.DEFAULT.withOpset(21));
    Map<String, String> metadata =
        model.getMetadataPropsList().stream()
            .collect(
                Collectors.toMap(StringStringEntryProto::getKey, StringStringEntryProto::getValue));
    assertEquals("fasterrcnn_tiny_fpn", metadata.get("cocoli.model"));
    assertEquals("[\"circle\",\"square\",\"star\",\"triangle\"]", metadata.get("cocoli.classes"));
    assertEquals("cocoli", model.getProducerName());
    assertEquals(21, model.getOpsetImport(0).getVersion());
    assertEquals(10, model.getIrVersion());
  }

  @Test
  void otherModelsAreRefused() {
    ModelSpec fast = ModelSpec.of("fastrcnn_tiny", List.of("cat"), Norm.Type.BATCH);
    String message = refusal(fast);
    assertTrue(message.startsWith("the regions of fastrcnn_tiny come with the image"), message);
    assertTrue(message.contains("fasterrcnn_vgg16"), message);
    assertFalse(message.contains("fastrcnn_vgg16,"), message);
    ModelSpec own =
        new ModelSpec(
            "mine",
            List.of("cat"),
            Models.builder("fasterrcnn_tiny_fpn").defaults(),
            Models.builder("fasterrcnn_tiny_fpn"));
    assertTrue(refusal(own).startsWith("the model 'mine' is none of this library's"));
  }

  private static String refusal(ModelSpec spec) {
    return assertThrows(IllegalArgumentException.class, () -> OnnxExport.requireExportable(spec))
        .getMessage();
  }

  @Test
  void otherVersionsAreRefused() {
    for (int opset : List.of(0, 13, 22)) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> OnnxOptions.DEFAULT.withOpset(opset))
              .getMessage();
      assertEquals("opset " + opset + " is not supported: 14 to 21 are", message);
    }
  }

  @Test
  void morethan2GigabytesAreRefused() {
    OnnxExport.requireFits(2_000_000_000L);
    assertThrows(IllegalArgumentException.class, () -> OnnxExport.requireFits(1L << 31));
  }

  @Test
  void aFileThatCannotBeWrittenIsNamedAndNothingIsLeft() throws IOException {
    Path missing = folder.resolve("missing/model.onnx");
    IOException problem =
        assertThrows(
            IOException.class, () -> OnnxExport.write(pyramid, missing, OnnxOptions.DEFAULT));
    assertTrue(problem.getMessage().contains(missing.toString()), problem.getMessage());
    Path file = folder.resolve("whole.onnx");
    OnnxExport.write(pyramid, file, OnnxOptions.DEFAULT);
    byte[] before = Files.readAllBytes(file);
    OnnxExport.write(pyramid, file, OnnxOptions.DEFAULT);
    assertArrayEquals(before, Files.readAllBytes(file)); // the same bytes each time
    try (Stream<Path> files = Files.list(folder)) {
      assertTrue(files.noneMatch(other -> other.toString().endsWith(".tmp")));
    }
  }
}
