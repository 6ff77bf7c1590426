package com.example.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.DataException;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.data.formats.CocoDataset;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.FasterRcnn;
import dev.cocoli.detection.ImageTransform;
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
import dev.cocoli.eval.CocoCategory;
import dev.cocoli.eval.CocoResultsWriter;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.RectangleData;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A part of objects from outside of the library, from the annotation file to the results file. */
@Tag("slow")
class OwnPartTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int BINS = 5;
  private static final int CHANNELS = 16;
  private static final RoiPooler POOLER = new OneMapRoiPool(RoiPooling.ALIGN, BINS, 2);
  private static final DatasetOptions WITH_GRIPS =
      DatasetOptions.DEFAULT
          .withClassNames(RectangleData.CLASSES)
          .withFields(List.of(new GripField()));

  @TempDir Path folder;
  private Path annotations;

  /** Red objects are gripped near the top, others near the bottom. */
  private static Grip gripOf(Box box, int label) {
    return new Grip((box.x1() + box.x2()) / 2, box.y1() + box.height() * (label == 1 ? 0.1 : 0.9));
  }

  @BeforeEach
  void draw() throws IOException {
    RectangleData data = RectangleData.draw(folder.resolve("images"), 8, 1);
    ObjectNode root = JSON.createObjectNode();
    ArrayNode images = root.putArray("images");
    ArrayNode objects = root.putArray("annotations");
    for (AnnotatedImage image : data.images()) {
      images.addObject().put("id", image.imageId()).put("file_name", image.fileName());
      for (Annotation object : image.annotations()) {
        Box box = object.box();
        ObjectNode node = objects.addObject();
        node.put("id", objects.size()).put("image_id", image.imageId());
        node.put("category_id", object.label());
        node.putArray("bbox").add(box.x1()).add(box.y1()).add(box.width()).add(box.height());
        node.putArray("grip")
            .add(gripOf(box, object.label()).x())
            .add(gripOf(box, object.label()).y());
      }
    }
    ArrayNode categories = root.putArray("categories");
    for (String name : RectangleData.CLASSES) {
      ObjectNode category = categories.addObject();
      category.put("id", categories.size()).put("name", name);
    }
    annotations = folder.resolve("annotations.json");
    JSON.writeValue(annotations.toFile(), root);
  }

  private Dataset open(DatasetOptions options) {
    return CocoDataset.open(annotations, folder.resolve("images"), options);
  }

  private static DetectionModel build(RcnnConfig config, int classes) {
    AnchorGenerator anchors = AnchorGenerator.ofOneMap(config.anchors());
    BoxHeadConfig box = config.boxHead();
    return new FasterRcnn(
        new ImageTransform(config.transform()),
        new PlainBackbone(CHANNELS),
        new RegionProposalNetwork(
            config.rpn(), anchors, new ConvRpnHead(CHANNELS, anchors.perLocation())),
        new RoiHeads(
            new RoiSampler(config.sampling()),
            new BoxBranch(box, POOLER, new TwoMlpHead(CHANNELS, BINS, box.headSize()), classes),
            new GripBranch(POOLER, new TwoMlpHead(CHANNELS, BINS, 32))));
  }

  private static ModelSpec model() {
    RcnnConfig config =
        TinyRuns.model(RectangleData.CLASSES)
            .config()
            .withTransform(t -> t.withSizes(96, 140)) // other pixels than the images'
            .withAnchors(a -> new AnchorConfig(List.of(32), List.of(1f)))
            .withBoxHead(b -> b.withHeadSize(32).withScoreThresh(0.01f));
    return new ModelSpec("gripping", RectangleData.CLASSES, config, OwnPartTest::build);
  }

  @Test
  void dataSetsReadIt() throws IOException {
    Dataset data = open(WITH_GRIPS);
    int objects = 0;
    for (int i = 0; i < data.size(); i++) {
      for (Annotation object : data.get(i).target().objects()) {
        assertEquals(gripOf(object.box(), object.label()), object.part(Grip.class).orElseThrow());
        objects++;
      }
    }
    assertTrue(objects > 8, objects + " objects");
    assertTrue(
        open(DatasetOptions.DEFAULT).get(0).annotations().getFirst().parts().list().isEmpty());

    String text = Files.readString(annotations);
    Files.writeString(annotations, text.replaceFirst("\"grip\":\\[[^,]*,", "\"grip\":["));
    String message = assertThrows(DataException.class, () -> open(WITH_GRIPS)).getMessage();
    assertEquals(annotations + ": bad 'grip' (line 1): it is not two numbers", message);
  }

  @Test
  void itIsMovedLearnedFoundAndWritten() throws IOException {
    Dataset data = open(WITH_GRIPS);
    TrainingRun run =
        TrainingRun.of(
            model(),
            data,
            TinyRuns.config()
                .withEpochs(16)
                .withData(
                    d -> d.withAugmentations(new HorizontalFlip(0.5), new RandomCrop(56, 70))),
            folder.resolve("run"));
    try (Backend backend = Backends.open(Device.CPU)) {
      new Trainer(run, backend, TrainingListener.NONE).start();
    }
    List<String> lines = Files.readAllLines(run.out().resolve("metrics.jsonl"));
    double first = JSON.readTree(lines.getFirst()).get("loss_grip").asDouble();
    double last = JSON.readTree(lines.getLast()).get("loss_grip").asDouble();
    assertTrue(last < first / 2, "the loss of the grip went from " + first + " to " + last);

    Path results = folder.resolve("results.json");
    List<Detection> found = new ArrayList<>();
    List<Integer> labels = new ArrayList<>(); // of the objects that they cover, 0 for none
    List<CocoCategory> categories =
        List.of(new CocoCategory(1, "red"), new CocoCategory(2, "green"));
    try (Detector detector =
            Detector.open(run.out().resolve("last.safetensors"), OwnPartTest::build)
                .withScoreThreshold(0.05f);
        CocoResultsWriter writer =
            new CocoResultsWriter(results, categories, WITH_GRIPS.fields())) {
      for (int i = 0; i < data.size(); i++) {
        List<Detection> ofImage = detector.detect(data.get(i).path());
        writer.write(i, data.get(i).fileName(), ofImage);
        found.addAll(ofImage);
        for (Detection one : ofImage) {
          labels.add(
              data.get(i).annotations().stream()
                  .filter(object -> object.box().iou(one.box()) > 0.4)
                  .mapToInt(Annotation::label)
                  .findFirst()
                  .orElse(0));
        }
      }
      writer.finish();
    }
    JsonNode written = JSON.readTree(results.toFile());
    assertEquals(found.size(), written.size());
    double[] height = new double[3];
    int[] count = new int[3];
    for (int i = 0; i < found.size(); i++) {
      Detection one = found.get(i);
      Grip grip = one.part(Grip.class).orElseThrow();
      assertEquals(grip.x(), written.get(i).get("grip").get(0).asDouble());
      assertEquals(grip.y(), written.get(i).get("grip").get(1).asDouble());
      height[labels.get(i)] += (grip.y() - one.box().y1()) / one.box().height();
      count[labels.get(i)]++;
    }
    double red = height[1] / count[1];
    double green = height[2] / count[2];
    assertTrue(red < green - 0.1, "gripped at " + red + " and " + green);
  }

  @Test
  void aRunIsNotResumedWithOtherGrips() throws IOException {
    TrainingRun run =
        TrainingRun.of(
            model(), open(WITH_GRIPS), TinyRuns.config().withEpochs(1), folder.resolve("run"));
    try (Backend backend = Backends.open(Device.CPU)) {
      new Trainer(run, backend, TrainingListener.NONE).start();
      String text = Files.readString(annotations);
      String other = text.replaceFirst("\"grip\":\\[", "\"grip\":[1");
      assertNotEquals(text, other);
      Files.writeString(annotations, other);
      TrainingRun changed = TrainingRun.of(run.model(), open(WITH_GRIPS), run.config(), run.out());
      String message =
          assertThrows(
                  TrainingException.class,
                  () -> new Trainer(changed, backend, TrainingListener.NONE).resume())
              .getMessage();
      assertTrue(message.contains("data.train has other file names or annotations"), message);
    }
  }
}
