package dev.cocoli.detection;

import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.Shard;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.Parameter;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Fixtures;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.train.DeviceBatch;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingStep;
import dev.cocoli.train.optim.Sgd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A detector that takes the weights of one with other classes, against torchvision's with a new
 * {@code FastRCNNPredictor}: the output of {@code finetune/finetune.py}.
 */
class FineTuningParityTest {
  private static final List<String> OLD = List.of("a", "b", "c", "d", "e");
  private static final List<String> NEW = List.of("x", "y");
  private static final String HEAD = "roi_heads.box_predictor.";

  @TempDir Path folder;
  private Backend backend;

  @BeforeEach
  void open() {
    backend = TestBackends.open();
  }

  @AfterEach
  void close() {
    backend.close();
  }

  private static ModelSpec spec(List<String> classes) {
    return ModelSpec.of("fasterrcnn_tiny_fpn", classes, Norm.Type.FROZEN)
        .withConfig(
            c ->
                c.withBackbone(b -> b.withTrainableBackboneLayers(3).withBatchNormEps(0))
                    .withTransform(t -> t.withSizes(40, 60))
                    .withRpn(r -> r.withBatchSizePerImage(10_000_000))
                    .withSampling(s -> s.withBatchSizePerImage(10_000_000)));
  }

  /** A file with weights that follow from their keys. */
  private Path pretrained() throws IOException {
    Path file = folder.resolve("old.safetensors");
    Safetensors.write(file, Map.of(), HashedWeights.of(spec(OLD).build()));
    return file;
  }

  @Test
  @Tag("slow")
  void threeStepsAreTorchvisions() throws IOException {
    Sgd sgd = new Sgd(0.9, 1e-4);
    DetectionModel model = spec(NEW).build();
    try (Reference reference = new Reference(Fixtures.folder("finetune"), "finetune");
        ParameterArena arena = ParameterArena.forTraining(backend, model, sgd.stateNames());
        WeightsFile file = WeightsFile.open(pretrained())) {
      arena.initialize(1);
      TransferReport report = file.transfer(model, backend, NEW, Optional.empty());
      assertEquals(4, report.renewed().size());
      assertTrue(report.renewed().stream().allMatch(name -> name.startsWith(HEAD)));
      takeHead(model, reference);
      TrainConfig config = TrainConfig.DEFAULT.withOptimizer(sgd);
      for (int step = 0; step < 3; step++) {
        LossValues losses = train(new TrainingStep(model, arena, config), reference, step);
        for (String name : losses.names()) {
          double wanted = reference.floats("step" + step + "." + name)[0];
          double tolerance = step == 0 ? 1e-5 : 1e-3;
          assertEquals(wanted, losses.value(name), tolerance * Math.abs(wanted), name);
        }
        assertWeights(model, reference, step);
      }
    }
  }

  private void assertWeights(DetectionModel model, Reference reference, int step) {
    String prefix = "step" + step + ".after.";
    try (Arena arena = Arena.ofConfined()) {
      Map<String, Safetensors.Entry> state = StateDict.save(model, backend, arena);
      assertEquals(state.size(), reference.names(prefix).size());
      state.forEach(
          (name, entry) -> {
            float[] wanted = reference.floats(prefix + name);
            float[] all = entry.data().toArray(ValueLayout.JAVA_FLOAT);
            float[] mine = new float[wanted.length];
            int each = all.length == wanted.length ? 1 : 8;
            for (int i = 0; i < mine.length; i++) {
              mine[i] = all[i * each];
            }
            double off = relativeNorm(wanted, mine);
            assertTrue(off <= 1e-5, prefix + name + " is off by " + off);
          });
    }
  }

  /** Takes the values that torch drew for the new layers, in place of our own. */
  private void takeHead(DetectionModel model, Reference reference) {
    for (String name : reference.names("head.")) {
      Parameter parameter = model.namedParameters().get(HEAD + name.substring("head.".length()));
      backend.transfers().upload(reference.floats(name), parameter.value());
    }
  }

  private LossValues train(TrainingStep step, Reference reference, int number) throws IOException {
    TensorScope scope = new TensorScope(backend.pool());
    Ops ops = new Ops(backend, scope, Tape.NONE);
    List<Tensor> images = new ArrayList<>();
    List<Target> targets = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      long[] shape = reference.shape("image." + i);
      images.add(ops.upload(reference.channelsLast("image." + i), shape[1], shape[2], 3));
      int[] labels =
          Arrays.stream(reference.longs("labels." + i)).mapToInt(Math::toIntExact).toArray();
      targets.add(new Target(reference.boxes("boxes." + i), labels));
    }
    Shard all = Shard.of(images.size(), 0, 1);
    try (DeviceBatch batch = new DeviceBatch(all, Inputs.of(images), targets, List.of(), scope)) {
      return step.run(batch, number, 0.01f);
    }
  }

  /** As torch draws a linear layer: uniform, up to one by the root of its inputs. */
  @Test
  void newLayersAreDrawnAsTorchDrawsThem() throws IOException {
    DetectionModel model = spec(NEW).build();
    try (ParameterArena arena = ParameterArena.forInference(backend, model);
        WeightsFile file = WeightsFile.open(pretrained())) {
      arena.initialize(1);
      file.transfer(model, backend, NEW, Optional.empty());
      double bound = 1 / Math.sqrt(32);
      for (String name : List.of("cls_score.weight", "bbox_pred.weight", "bbox_pred.bias")) {
        float[] values = values(model, HEAD + name);
        double largest = 0;
        for (float value : values) {
          largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest <= bound && largest > 0.7 * bound, name + " reaches to " + largest);
      }
    }
  }

  @Test
  void rowsOfClassesThatBothHaveAreCopied() throws IOException {
    List<String> names = List.of("new", "d", "b");
    DetectionModel drawn = spec(names).build();
    DetectionModel model = spec(names).build();
    DetectionModel old = spec(OLD).build();
    try (ParameterArena arena = ParameterArena.forInference(backend, model);
        ParameterArena first = ParameterArena.forInference(backend, drawn);
        ParameterArena _ = ParameterArena.forInference(backend, old);
        WeightsFile file = WeightsFile.open(pretrained())) {
      file.load(old, backend);
      arena.initialize(1);
      first.initialize(1);
      TransferReport report = file.transfer(model, backend, names, Optional.of(OLD));
      assertEquals(List.of("d", "b"), report.sharedClasses());
      assertEquals(List.of("new"), report.newClasses());
      int[] labels = {0, -1, 4, 2};
      for (String layer : List.of("cls_score", "bbox_pred")) {
        int rows = layer.equals("cls_score") ? 1 : 4;
        for (String part : List.of("weight", "bias")) {
          String name = HEAD + layer + "." + part;
          int width = part.equals("weight") ? 32 : 1;
          float[] mine = values(model, name);
          for (int label = 0; label < labels.length; label++) {
            boolean known = labels[label] >= 0;
            float[] from = values(known ? old : drawn, name);
            int size = rows * width;
            int at = (known ? labels[label] : label) * size;
            assertTrue(
                Arrays.equals(mine, label * size, (label + 1) * size, from, at, at + size),
                name + " of label " + label);
          }
        }
      }
      List<String> lines = report.lines();
      assertEquals(3, lines.size());
      assertTrue(lines.get(0).contains("the rows of the background and of d, b"), lines.get(0));
      assertTrue(lines.get(1).startsWith("new: the rows of new in " + HEAD), lines.get(1));
      assertTrue(
          lines.get(2).contains("of 5 classes (a, b, c, d, e), the model of 3"), lines.get(2));
    }
  }

  /** The model knows every class of its own, and still takes other rows than the file's order. */
  @Test
  void fewerClassesInAnotherOrderAreTold() throws IOException {
    List<String> names = List.of("e", "a");
    DetectionModel model = spec(names).build();
    try (ParameterArena arena = ParameterArena.forInference(backend, model);
        WeightsFile file = WeightsFile.open(pretrained())) {
      arena.initialize(1);
      TransferReport report = file.transfer(model, backend, names, Optional.of(OLD));
      assertFalse(report.isWhole());
      assertEquals("new: nothing", report.lines().get(1));
    }
    DetectionModel same = spec(OLD).build();
    try (ParameterArena arena = ParameterArena.forInference(backend, same);
        WeightsFile file = WeightsFile.open(pretrained())) {
      arena.initialize(1);
      assertTrue(file.transfer(same, backend, OLD, Optional.of(OLD)).isWhole());
      assertTrue(file.transfer(same, backend, OLD, Optional.empty()).isWhole());
    }
  }

  private float[] values(DetectionModel model, String name) {
    Tensor value = model.namedParameters().get(name).value();
    float[] values = new float[(int) value.elementCount()];
    backend.transfers().download(value, MemorySegment.ofArray(values));
    return values;
  }

  /** Only torchvision's own file for COCO has 91 classes and norms that count no batches. */
  @Test
  void hyperParametersFollowTorchvisionsBuilder() throws IOException {
    ModelSpec fresh = ModelSpec.of("fasterrcnn_resnet50_fpn", NEW, Norm.Type.FROZEN);
    Map<String, Safetensors.Entry> coco = new LinkedHashMap<>();
    coco.put(HEAD + "cls_score.weight", zeros(91, 1024));
    coco.put("module.backbone.body.bn1.weight", zeros(64));
    assertBuilt(fresh, coco, 3, 0);
    coco.put("backbone.body.bn1.num_batches_tracked", zeros());
    assertBuilt(fresh, coco, 3, 1e-5f);
    coco.remove("backbone.body.bn1.num_batches_tracked");
    coco.put(HEAD + "cls_score.weight", zeros(3, 1024));
    assertBuilt(fresh, coco, 3, 1e-5f);
    assertBuilt(
        ModelSpec.of("fasterrcnn_resnet18_fpn", NEW, Norm.Type.FROZEN),
        Map.of(HEAD + "cls_score.weight", zeros(91, 1024)),
        3,
        1e-5f);
    assertBuilt(
        ModelSpec.of("fastrcnn_vgg16", NEW, Norm.Type.FROZEN),
        Map.of(HEAD + "cls_score.weight", zeros(91, 4096)),
        5,
        1e-5f);
  }

  private void assertBuilt(
      ModelSpec fresh, Map<String, Safetensors.Entry> entries, int layers, float eps)
      throws IOException {
    Path path = folder.resolve("bare.safetensors");
    Safetensors.write(path, Map.of(), entries);
    try (WeightsFile file = WeightsFile.open(path)) {
      ModelSpec built = file.asTorchvisionBuilds(fresh);
      assertEquals(layers, built.config().backbone().trainableBackboneLayers());
      assertEquals(eps, built.config().backbone().batchNormEps());
    }
  }

  private static Safetensors.Entry zeros(long... dims) {
    Shape shape = Shape.of(dims);
    byte[] bytes = new byte[(int) (4 * shape.elementCount())];
    return new Safetensors.Entry(DType.F32, shape, MemorySegment.ofArray(bytes));
  }
}
