package dev.cocoli.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.synthetic.ShapeScene;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Device;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import javax.imageio.ImageIO;

/** Small data sets and weights, under the names that README and docs use. */
final class DocumentFiles {
  private static final int SIDE = 64;
  private static final int TRAIN = 4;
  private static final int VALIDATION = 2;
  private static final Path TORCH = Path.of("src/test/resources/documents");
  private static final List<String> CLASSES = ShapeScenes.classNames();

  private final Path folder;

  /**
   * Prepares it; nothing is written yet.
   *
   * @param folder the folder in which the commands of the documents run
   */
  DocumentFiles(Path folder) {
    this.folder = folder;
  }

  void write() throws IOException {
    voc("VOCdevkit/VOC2012", 1);
    voc("more", 2);
    Path lists = voc("bccd", 3).resolve("ImageSets/Main");
    Files.copy(lists.resolve("val.txt"), lists.resolve("test.txt"));
    for (String name : List.of("annotations.json", "train.json")) {
      coco("images", name, 0, TRAIN);
    }
    for (String name : List.of("val.json", "held-out.json")) {
      coco("images", name, TRAIN, VALIDATION);
    }
    coco("coco/train2017", "coco/annotations/instances_train2017.json", 0, TRAIN);
    coco("coco/val2017", "coco/annotations/instances_val2017.json", TRAIN, VALIDATION);
    ImageIO.write(scenes(640, 480).scene(0).image(), "jpg", folder.resolve("street.jpg").toFile());

    weights();
  }

  private static ShapeScenes scenes(int width, int height) {
    return new ShapeScenes(ShapeScenesConfig.of(width, height, 4));
  }

  private Path voc(String name, int seed) throws IOException {
    Path data = folder.resolve(name);
    new ShapeScenes(ShapeScenesConfig.of(SIDE, SIDE, seed)).writeVoc(data, TRAIN, VALIDATION);
    return data;
  }

  /** Writes images and a COCO file with their objects. */
  private void coco(String images, String file, int first, int count) throws IOException {
    ObjectNode root = new ObjectMapper().createObjectNode();
    ArrayNode entries = root.putArray("images");
    ArrayNode objects = root.putArray("annotations");
    ArrayNode categories = root.putArray("categories");
    for (int i = 0; i < CLASSES.size(); i++) {
      categories.addObject().put("id", i + 1).put("name", CLASSES.get(i));
    }
    Path place = Files.createDirectories(folder.resolve(images));
    for (int i = first; i < first + count; i++) {
      ShapeScene scene = scenes(SIDE, SIDE).scene(i);
      String name = i + ".png";
      ImageIO.write(scene.image(), "png", place.resolve(name).toFile());
      entries
          .addObject()
          .put("id", i)
          .put("file_name", name)
          .put("width", SIDE)
          .put("height", SIDE);
      Target target = scene.target();
      for (int object = 0; object < target.boxes().size(); object++) {
        Box box = target.boxes().get(object);
        ObjectNode node = objects.addObject();
        node.put("id", objects.size()).put("image_id", i);
        node.put("category_id", target.labels()[object]).put("iscrowd", 0);
        node.put("area", box.area());
        node.putArray("bbox").add(box.x1()).add(box.y1()).add(box.width()).add(box.height());
      }
    }
    Path target = folder.resolve(file);
    Files.createDirectories(target.getParent());
    Files.writeString(target, root.toString());
  }

  // ---- weights

  /** Those of torchvision's names have its keys and formats, and are as small as the models are. */
  private void weights() throws IOException {
    Path detector = unpack("detector.pth.gz", "coco.pth");
    for (String name : List.of("_coco.pth", "_coco-258fb6c6.pth")) {
      Files.copy(detector, folder.resolve("fasterrcnn_resnet50_fpn" + name));
    }
    Path ofResNet = unpack("classifier.pth.gz", "resnet50.pth");
    Files.copy(ofResNet, folder.resolve("resnet18.pth"));

    ModelSpec spec =
        ModelSpec.of("fasterrcnn_tiny_fpn", CLASSES, Norm.Type.BATCH)
            .withConfig(c -> c.withTransform(t -> t.withSizes(SIDE, 2 * SIDE)));
    try (Arena arena = Arena.ofConfined()) {
      Safetensors.write(
          folder.resolve("best.safetensors"), spec.toMetadata(), stateDict(spec, arena));
      ModelSpec vgg = ModelSpec.of("fastrcnn_tinyvgg", CLASSES, Norm.Type.FROZEN);
      Map<String, Safetensors.Entry> classifier = new LinkedHashMap<>();
      stateDict(vgg, arena)
          .forEach(
              (key, entry) ->
                  classifier.put(
                      key.replaceFirst("^backbone\\.", "")
                          .replaceFirst("^roi_heads\\.box_head\\.fc6\\.", "classifier.0.")
                          .replaceFirst("^roi_heads\\.box_head\\.fc7\\.", "classifier.3."),
                      entry));
      classifier.keySet().removeIf(key -> !key.matches("(features|classifier)\\..*"));
      Safetensors.write(folder.resolve("vgg16.safetensors"), Map.of(), classifier);
    }
  }

  private static Map<String, Safetensors.Entry> stateDict(ModelSpec spec, Arena arena) {
    DetectionModel model = spec.build();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, model)) {
      parameters.initialize(1);
      return StateDict.save(model, backend, arena);
    }
  }

  private Path unpack(String packed, String name) throws IOException {
    Path file = folder.resolve(name);
    try (InputStream in = new GZIPInputStream(Files.newInputStream(TORCH.resolve(packed)))) {
      Files.copy(in, file);
    }
    return file;
  }
}
