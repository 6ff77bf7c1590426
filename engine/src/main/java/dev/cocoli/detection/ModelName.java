package dev.cocoli.detection;

import dev.cocoli.detection.backbone.Backbone;
import dev.cocoli.detection.backbone.RegionEncoder;
import dev.cocoli.detection.backbone.ResNetC4;
import dev.cocoli.detection.backbone.ResNetConfig;
import dev.cocoli.detection.backbone.ResNetEncoder;
import dev.cocoli.detection.backbone.ResNetFpn;
import dev.cocoli.detection.backbone.Vgg;
import dev.cocoli.detection.backbone.VggConfig;
import dev.cocoli.detection.backbone.VggEncoder;
import dev.cocoli.detection.classic.FastRcnn;
import dev.cocoli.detection.classic.Rcnn;
import dev.cocoli.detection.head.AnchorGenerator;
import dev.cocoli.detection.head.MultiScaleRoiAlign;
import dev.cocoli.detection.head.OneMapRoiPool;
import dev.cocoli.detection.head.RoiPooler;
import dev.cocoli.nn.Norm;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongFunction;

/**
 * What a model's name says: which detector of the family, over which network.
 *
 * @param kind which of the three papers
 * @param network {@code resnet50}, {@code vgg16}, ...
 * @param maps what regions are found on and pooled from
 */
record ModelName(ModelSpec.Kind kind, String network, Maps maps) {
  /** What regions are pooled from. */
  enum Maps {
    /** A feature pyramid. */
    PYRAMID,
    /** One map of stride 16. */
    ONE,
    /** None: the network sees one region at a time. */
    NONE
  }

  private static final int PYRAMID_MAPS = 5;

  /** What only detectors that resize the whole image have. */
  private static final Set<String> OF_IMAGES = Set.of("min_size", "max_size");

  private static final Set<String> OF_RCNN =
      Set.of(
          "warp_size",
          "warp_context",
          "warp_batch",
          "svm_c",
          "svm_neg_iou_thresh",
          "bbox_ridge",
          "bbox_iou_thresh");

  /**
   * Reads a name.
   *
   * @param model {@code fasterrcnn_resnet50_fpn}, {@code fastrcnn_vgg16}, {@code rcnn_resnet18},
   *     ...
   */
  static ModelName of(String model) {
    String[] words = model.split("_");
    ModelSpec.Kind kind =
        switch (words[0]) {
          case "rcnn" -> ModelSpec.Kind.RCNN;
          case "fastrcnn" -> ModelSpec.Kind.FAST_RCNN;
          case "fasterrcnn" -> ModelSpec.Kind.FASTER_RCNN;
          default -> throw new IllegalArgumentException("no detector of the family: " + model);
        };
    Maps maps = words.length > 2 ? Maps.PYRAMID : Maps.ONE;
    return new ModelName(kind, words[1], kind == ModelSpec.Kind.RCNN ? Maps.NONE : maps);
  }

  private boolean isVgg() {
    return network.endsWith("vgg") || network.startsWith("vgg");
  }

  private boolean isTiny() {
    return network.startsWith("tiny");
  }

  /** Whether a hyper-parameter means anything to this model. */
  boolean uses(String name) {
    boolean ofProposals = name.startsWith("rpn_") || name.startsWith("anchor_");
    if (ofProposals) {
      return kind == ModelSpec.Kind.FASTER_RCNN;
    }
    return switch (name) {
      case "fpn_out_channels" -> maps == Maps.PYRAMID;
      case "box_roi_pool" -> maps == Maps.ONE;
      case "box_head_size" -> maps != Maps.NONE || isVgg();
      case "batch_norm_eps" -> !isVgg();
      case "max_proposals" -> kind != ModelSpec.Kind.FASTER_RCNN;
      default ->
          OF_RCNN.contains(name)
              ? kind == ModelSpec.Kind.RCNN
              : maps != Maps.NONE || !OF_IMAGES.contains(name);
    };
  }

  /** Hyper-parameters that differ from torchvision's Faster R-CNN: the papers' own. */
  Map<String, String> defaults() {
    Map<String, String> values = new HashMap<>();
    if (kind != ModelSpec.Kind.FASTER_RCNN) {
      // two images a step make the 128 regions of both papers, a quarter of them objects
      values.put("box_batch_size_per_image", "64");
      values.put("box_nms_thresh", "0.3");
    }
    if (kind == ModelSpec.Kind.FAST_RCNN) {
      values.put("box_bg_iou_min", "0.1");
    }
    if (kind == ModelSpec.Kind.FASTER_RCNN && maps == Maps.ONE) {
      values.put("anchor_sizes", "128,256,512");
    }
    if (isVgg()) {
      values.put("box_head_size", "4096");
    }
    if (isTiny()) {
      tiny(values);
    }
    values.keySet().removeIf(name -> !uses(name));
    return values;
  }

  /** A model for tests: its maps and heads are as narrow as its network. */
  private void tiny(Map<String, String> values) {
    values.put("fpn_out_channels", "16");
    values.put("anchor_sizes", maps == Maps.PYRAMID ? "16,32,64,128,256" : "16,32,64");
    values.put("box_head_size", "32");
    values.put("warp_size", "64");
    values.put("warp_context", "4");
  }

  /** The model, without memory. */
  DetectionModel build(Norm.Type norm, DetectorConfig config, int classes) {
    LongFunction<Norm> norms = channels -> norm.create(channels, config.batchNormEps());
    return switch (kind) {
      case RCNN -> new Rcnn(encoder(norms, config), config, classes);
      case FAST_RCNN -> new FastRcnn(backbone(norms, config), pooler(config), config, classes);
      case FASTER_RCNN ->
          new FasterRcnn(backbone(norms, config), anchors(config), pooler(config), config, classes);
    };
  }

  private RegionEncoder encoder(LongFunction<Norm> norms, DetectorConfig config) {
    int trainable = config.trainableBackboneLayers();
    return isVgg()
        ? new VggEncoder(
            VggConfig.named(network), trainable, config.warpSize(), config.boxHeadSize())
        : new ResNetEncoder(ResNetConfig.named(network), norms, trainable);
  }

  private Backbone backbone(LongFunction<Norm> norms, DetectorConfig config) {
    int trainable = config.trainableBackboneLayers();
    if (isVgg()) {
      return new Vgg(VggConfig.named(network), trainable);
    }
    ResNetConfig resNet = ResNetConfig.named(network);
    return maps == Maps.PYRAMID
        ? new ResNetFpn(resNet, norms, trainable, config.fpnOutChannels())
        : new ResNetC4(resNet, norms, trainable);
  }

  private AnchorGenerator anchors(DetectorConfig config) {
    return maps == Maps.PYRAMID
        ? new AnchorGenerator(config.anchorSizes(), config.anchorAspectRatios())
        : AnchorGenerator.ofOneMap(config.anchorSizes(), config.anchorAspectRatios());
  }

  private RoiPooler pooler(DetectorConfig config) {
    return maps == Maps.PYRAMID ? new MultiScaleRoiAlign() : new OneMapRoiPool(config.boxRoiPool());
  }

  /** Refuses hyper-parameters that this model cannot be built with. */
  void check(DetectorConfig config) {
    if (kind == ModelSpec.Kind.FASTER_RCNN
        && maps == Maps.PYRAMID
        && config.anchorSizes().size() != PYRAMID_MAPS) {
      throw new IllegalArgumentException(
          "bad hyper-parameter: anchor_sizes has one size for each of the 5 maps");
    }
  }

  /** The names of hyper-parameters that mean something to this model. */
  List<String> hyperparameters() {
    return Hyperparameters.names().stream().filter(this::uses).toList();
  }
}
