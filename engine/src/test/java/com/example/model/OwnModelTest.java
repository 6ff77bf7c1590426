package com.example.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.FasterRcnn;
import dev.cocoli.detection.ImageTransform;
import dev.cocoli.detection.ModelBuilder;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.config.AnchorConfig;
import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.detection.head.AnchorGenerator;
import dev.cocoli.detection.head.BoxBranch;
import dev.cocoli.detection.head.ConvRpnHead;
import dev.cocoli.detection.head.OneMapRoiPool;
import dev.cocoli.detection.head.RegionProposalNetwork;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiPooler;
import dev.cocoli.detection.head.RoiPooling;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.detection.head.TwoMlpHead;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Shape;
import dev.cocoli.train.FinishedRun;
import dev.cocoli.train.RectangleData;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.parallel.ReplicaRuns;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model with a backbone and a branch of its own is trained, resumed and opened as any other. */
@Tag("slow")
class OwnModelTest {
  private static final int BINS = 5;
  private static final int CHANNELS = 8;
  private static final RoiPooler POOLER = new OneMapRoiPool(RoiPooling.ALIGN, BINS, 2);

  @TempDir Path folder;
  private RectangleData images;

  @BeforeEach
  void draw() throws IOException {
    images = RectangleData.draw(folder.resolve("images"), 4, 1);
  }

  private static DetectionModel build(RcnnConfig config, int classes) {
    return build(
        config,
        new RoiHeads(
            new RoiSampler(config.sampling()),
            box(config, classes),
            new SecondOpinion(POOLER, new TwoMlpHead(CHANNELS, BINS, 16), classes)));
  }

  private static DetectionModel buildCascade(RcnnConfig config, int classes) {
    return build(
        config,
        new CascadeHeads(
            new RoiSampler(config.sampling()),
            POOLER,
            new TwoMlpHead(CHANNELS, BINS, 16),
            new RoiSampler(config.sampling().withFgIouThresh(0.6f)),
            box(config, classes)));
  }

  private static BoxBranch box(RcnnConfig config, int classes) {
    BoxHeadConfig box = config.boxHead();
    return new BoxBranch(box, POOLER, new TwoMlpHead(CHANNELS, BINS, box.headSize()), classes);
  }

  private static DetectionModel build(RcnnConfig config, RoiHeads roiHeads) {
    AnchorGenerator anchors = AnchorGenerator.ofOneMap(config.anchors());
    return new FasterRcnn(
        new ImageTransform(config.transform()),
        new PlainBackbone(CHANNELS),
        new RegionProposalNetwork(
            config.rpn(), anchors, new ConvRpnHead(CHANNELS, anchors.perLocation())),
        roiHeads);
  }

  private static ModelSpec model() {
    return model("plain", OwnModelTest::build);
  }

  private static RcnnConfig config() {
    return TinyRuns.model(RectangleData.CLASSES)
        .config()
        .withAnchors(a -> new AnchorConfig(List.of(16, 32), List.of(0.5f, 1f)))
        .withBoxHead(b -> b.withHeadSize(24).withScoreThresh(0.01f).withSmoothL1Beta(0.5f));
  }

  private static ModelSpec model(String name, ModelBuilder builder) {
    return new ModelSpec(name, RectangleData.CLASSES, config(), builder);
  }

  private TrainingRun run(String name, int epochs) {
    return TrainingRun.of(
            model(), images, TinyRuns.config().withEpochs(epochs), folder.resolve(name))
        .withValidation(images);
  }

  private static void train(TrainingRun run) {
    try (Backend backend = Backends.open(Device.CPU)) {
      Trainer trainer = new Trainer(run, backend, TrainingListener.NONE);
      if (Files.exists(run.out())) {
        trainer.resume();
      } else {
        trainer.start();
      }
    }
  }

  @Test
  void twoStepsAreLoggedAndTheWeightsOpenWithTheirBuilder() throws IOException {
    TrainingRun run = run("run", 1);
    train(run);
    List<String> lines = Files.readAllLines(run.out().resolve("metrics.jsonl"));
    assertEquals(2 + 1, lines.size());
    JsonNode step = new ObjectMapper().readTree(lines.get(1));
    double sum = 0;
    for (String name : run.model().build().lossNames()) {
      sum += step.get(name).asDouble();
    }
    assertTrue(step.get("loss_second_opinion").asDouble() > 0, lines.getLast());
    assertEquals(step.get("loss").asDouble(), sum, 1e-5);

    Path weights = run.out().resolve("last.safetensors");
    IOException e = assertThrows(IOException.class, () -> Detector.open(weights));
    assertTrue(e.getMessage().contains("'plain'"), e.getMessage());
    assertTrue(e.getMessage().contains("Detector.open(file, builder)"), e.getMessage());
    int shown = SecondOpinion.SHOWN.get();
    try (Detector detector = Detector.open(weights, OwnModelTest::build)) {
      assertEquals(run.model().config(), detector.spec().config());
      detector.detect(images.get(0).path());
    }
    assertEquals(shown + 1, SecondOpinion.SHOWN.get());
  }

  @Test
  void anotherStageIsAnotherFile() throws IOException {
    ModelSpec cascade = model("cascade", OwnModelTest::buildCascade);
    TrainingRun run =
        TrainingRun.of(cascade, images, TinyRuns.config().withEpochs(10), folder.resolve("run"))
            .withValidation(images);
    train(run);
    List<String> lines = Files.readAllLines(run.out().resolve("metrics.jsonl"));
    for (String name : cascade.build().lossNames()) {
      assertTrue(new ObjectMapper().readTree(lines.getFirst()).get(name).asDouble() > 0, name);
    }
    double first = new ObjectMapper().readTree(lines.getFirst()).get("loss").asDouble();
    double last = new ObjectMapper().readTree(lines.get(lines.size() - 2)).get("loss").asDouble();
    assertTrue(last < first, "the loss went from " + first + " to " + last);
    Path weights = run.out().resolve("last.safetensors");
    try (Detector detector = Detector.open(weights, OwnModelTest::buildCascade)) {
      detector.detect(images.get(0).path());
    }
  }

  @Test
  void aResumedRunEndsWithTheSameBits() throws IOException {
    train(run("whole", 2));
    train(run("resumed", 1));
    train(run("resumed", 2));
    FinishedRun.read(folder.resolve("whole"))
        .assertSame(FinishedRun.read(folder.resolve("resumed")));
  }

  @Test
  void severalReplicasTrainIt() throws IOException {
    TrainingRun run = run("replicas", 1);
    ReplicaRuns.replicas(run, 2, TrainingListener.NONE).start();
    String last = Files.readAllLines(run.out().resolve("metrics.jsonl")).get(1);
    assertTrue(new ObjectMapper().readTree(last).get("loss_second_opinion").asDouble() > 0, last);
    assertTrue(Files.exists(run.out().resolve("last.safetensors")));
  }

  @Test
  void partsAndLossesHaveNamesOfTheirOwn() {
    ModelBuilder twice =
        (config, classes) -> {
          SecondOpinion opinion =
              new SecondOpinion(POOLER, new TwoMlpHead(CHANNELS, BINS, 16), classes);
          RoiSampler sampler = new RoiSampler(config.sampling());
          return build(config, new RoiHeads(sampler, box(config, classes), opinion, opinion));
        };
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> model("twice", twice));
    assertTrue(e.getMessage().contains("second_head"), e.getMessage());
    ModelBuilder sameLoss =
        (config, classes) ->
            build(
                config,
                new RoiHeads(new RoiSampler(config.sampling()), box(config, classes)) {
                  @Override
                  public List<String> lossNames() {
                    return List.of("loss_objectness");
                  }
                });
    e = assertThrows(IllegalArgumentException.class, () -> model("same", sameLoss));
    assertTrue(e.getMessage().contains("loss_objectness"), e.getMessage());
  }

  @Test
  void aBuilderIsNotTakenForAnother() throws IOException {
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new ModelSpec(
                "fasterrcnn_tiny_fpn",
                RectangleData.CLASSES,
                RcnnConfig.DEFAULT,
                OwnModelTest::build));
    train(run("run", 1));
    TrainingRun other =
        TrainingRun.of(
                TinyRuns.model(RectangleData.CLASSES),
                images,
                TinyRuns.config(),
                folder.resolve("other"))
            .withWeights(folder.resolve("run/last.safetensors"));
    TrainingException e = assertThrows(TrainingException.class, () -> train(other));
    assertTrue(e.getMessage().contains("is of a plain"), e.getMessage());
    assertFalse(Files.exists(other.out()));
  }

  /** Hyper-parameters that only this model has. */
  private record Opinion(int opinionSize) {}

  /** A builder with hyper-parameters of its own. */
  private static final ModelBuilder OPINIONATED =
      new ModelBuilder() {
        @Override
        public DetectionModel build(RcnnConfig config, int classes) {
          int size = config.own(Opinion.class).opinionSize();
          return OwnModelTest.build(
              config,
              new RoiHeads(
                  new RoiSampler(config.sampling()),
                  box(config, classes),
                  new SecondOpinion(POOLER, new TwoMlpHead(CHANNELS, BINS, size), classes)));
        }

        @Override
        public RcnnConfig defaults() {
          return config().withOwn(new Opinion(16));
        }

        @Override
        public boolean uses(String hyperparameter) {
          return !hyperparameter.startsWith("svm_");
        }
      };

  @Test
  void itsOwnHyperparametersAreRecorded() throws IOException {
    ModelSpec model =
        new ModelSpec("opinion", RectangleData.CLASSES, OPINIONATED.defaults(), OPINIONATED)
            .with(Map.of("opinion_size", "12"));
    TrainingRun run =
        TrainingRun.of(model, images, TinyRuns.config().withEpochs(1), folder.resolve("run"));
    train(run);
    try (Detector detector = Detector.open(run.out().resolve("last.safetensors"), OPINIONATED)) {
      assertEquals(model, detector.spec());
      assertEquals(12, detector.spec().config().own(Opinion.class).opinionSize());
    }
    ModelSpec other = model.withConfig(c -> c.withOwn(new Opinion(20)));
    TrainingException e =
        assertThrows(
            TrainingException.class,
            () -> train(TrainingRun.of(other, images, run.config(), run.out())));
    assertTrue(e.getMessage().contains("model.opinion_size was 12, is 20"), e.getMessage());
    IllegalArgumentException unused =
        assertThrows(IllegalArgumentException.class, () -> model.with(Map.of("svm_c", "1")));
    assertTrue(unused.getMessage().contains("svm_c means nothing to opinion"), unused.getMessage());
  }

  @Test
  void itsBackboneStartsFromAClassifierOfItsOwn() throws IOException {
    Path file = folder.resolve("classifier.safetensors");
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
    new PlainBackbone(CHANNELS)
        .namedParameters()
        .forEach(
            (name, parameter) -> {
              Shape shape = parameter.layout().torchShape(parameter.shape());
              float[] values = new float[Math.toIntExact(shape.elementCount())];
              Arrays.fill(values, 0.125f);
              entries.put(
                  name, new Safetensors.Entry(DType.F32, shape, MemorySegment.ofArray(values)));
            });
    String first = entries.keySet().iterator().next();
    Safetensors.Entry head = entries.get(first);
    entries.put("head.weight", head);
    Safetensors.write(file, Map.of(), entries);
    TrainingRun run =
        TrainingRun.of(
                model(),
                images,
                TinyRuns.config().withEpochs(1).withLearningRate(1e-12),
                folder.resolve("run"))
            .withWeights(file);
    train(run);
    try (Safetensors weights = Safetensors.open(run.out().resolve("last.safetensors"))) {
      float[] values =
          weights
              .entries()
              .get("backbone." + first)
              .data()
              .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
      assertEquals(0.125f, values[0], 1e-6f);
    }
    entries.put(first.replaceFirst("\\..*", ".other"), head);
    Safetensors.write(file, Map.of(), entries);
    TrainingException e =
        assertThrows(
            TrainingException.class,
            () ->
                train(
                    TrainingRun.of(model(), images, run.config(), folder.resolve("other"))
                        .withWeights(file)));
    assertTrue(e.getMessage().contains(".other"), e.getMessage());
  }
}
