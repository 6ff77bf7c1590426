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
import dev.cocoli.detection.config.BackboneConfig;
import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.detection.head.AnchorGenerator;
import dev.cocoli.detection.head.BoxBranch;
import dev.cocoli.detection.head.BoxHead;
import dev.cocoli.detection.head.ConvRpnHead;
import dev.cocoli.detection.head.MultiScaleRoiAlign;
import dev.cocoli.detection.head.OneMapRoiPool;
import dev.cocoli.detection.head.RegionProposalNetwork;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiPooler;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.detection.head.TwoMlpHead;
import dev.cocoli.nn.Norm;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * The models of this library under the names of torchvision's builders. A name stands in one line
 * of the table: its default hyper-parameters, those that mean something to it, and its builder.
 */
public final class Models {
  private static final int PYRAMID_MAPS = 5;

  private static final Predicate<String> PROPOSING = starts("rpn_", "anchor_");
  private static final Predicate<String> PER_REGION =
      starts("warp_", "svm_", "bbox_ridge", "bbox_iou_");
  private static final Predicate<String> PYRAMID = starts("fpn_");
  private static final Predicate<String> ONE_MAP = starts("box_roi_pool");
  private static final Predicate<String> BATCH_NORM = starts("batch_norm_");
  private static final Predicate<String> GIVEN_REGIONS = starts("max_proposals");

  private static final Predicate<String> RESIZED = starts("min_size", "max_size");
  private static final Predicate<String> WIDE_HEAD = starts("box_head_size");
  private static final Predicate<String> POOLED =
      starts("box_pool_size", "box_sampling_ratio", "bbox_reg_weights", "box_smooth_l1_beta")
          .or(ONE_MAP);

  private static final Map<String, Model> TABLE = new LinkedHashMap<>();

  /** The layers that torchvision's builders train of a backbone with weights. */
  private static final int PRETRAINED_LAYERS = 3;

  /** The models that a builder of torchvision makes, but for their size. */
  private static final Set<String> OF_TORCHVISION = new HashSet<>();

  static {
    fasterRcnnFpn("fasterrcnn_resnet18_fpn", ResNetConfig.RESNET18, c -> c);
    fasterRcnnFpn("fasterrcnn_resnet34_fpn", ResNetConfig.RESNET34, c -> c);
    fasterRcnnFpn("fasterrcnn_resnet50_fpn", ResNetConfig.RESNET50, c -> c);
    fasterRcnnFpn("fasterrcnn_resnet101_fpn", ResNetConfig.RESNET101, c -> c);
    fasterRcnn("fasterrcnn_vgg16", VggConfig.VGG16, Models::wideHead);
    fasterRcnnFpn("fasterrcnn_tiny_fpn", ResNetConfig.TINY, c -> tiny(c, 16, 32, 64, 128, 256));
    fasterRcnn("fasterrcnn_tinyvgg", VggConfig.TINY, c -> tiny(c, 16, 32, 64));
    fastRcnn("fastrcnn_resnet18", ResNetConfig.RESNET18, c -> c);
    fastRcnn("fastrcnn_resnet34", ResNetConfig.RESNET34, c -> c);
    fastRcnn("fastrcnn_resnet50", ResNetConfig.RESNET50, c -> c);
    fastRcnn("fastrcnn_resnet101", ResNetConfig.RESNET101, c -> c);
    fastRcnn("fastrcnn_vgg16", VggConfig.VGG16, Models::wideHead);
    fastRcnn("fastrcnn_tiny", ResNetConfig.TINY, Models::tiny);
    fastRcnn("fastrcnn_tinyvgg", VggConfig.TINY, Models::tiny);
    rcnn("rcnn_resnet18", ResNetConfig.RESNET18, c -> c);
    rcnn("rcnn_resnet34", ResNetConfig.RESNET34, c -> c);
    rcnn("rcnn_resnet50", ResNetConfig.RESNET50, c -> c);
    rcnn("rcnn_resnet101", ResNetConfig.RESNET101, c -> c);
    rcnn("rcnn_vgg16", VggConfig.VGG16, Models::wideHead);
    rcnn("rcnn_tiny", ResNetConfig.TINY, Models::tiny);
    rcnn("rcnn_tinyvgg", VggConfig.TINY, Models::tiny);
  }

  private Models() {}

  /**
   * A line of the table. Most programs ask for one, so that its defaults are made when asked for.
   */
  private record Model(
      Supplier<RcnnConfig> makesDefaults, Predicate<String> unused, ModelBuilder parts)
      implements ModelBuilder {
    @Override
    public RcnnConfig defaults() {
      return makesDefaults.get();
    }

    @Override
    public DetectionModel build(RcnnConfig config, int classes) {
      return parts.build(config, classes);
    }

    @Override
    public boolean uses(String hyperparameter) {
      return !unused.test(hyperparameter);
    }
  }

  /** {@return the names of the models} */
  public static List<String> names() {
    return List.copyOf(TABLE.keySet());
  }

  /**
   * {@return the builder of a model}
   *
   * @param name its name
   * @throws IllegalArgumentException if there is none of that name
   */
  public static ModelBuilder builder(String name) {
    Model model = TABLE.get(name);
    if (model == null) {
      throw new IllegalArgumentException(
          "unknown model '" + name + "'; known are " + String.join(", ", names()));
    }
    return model;
  }

  /**
   * {@return the default hyper-parameters of a model that starts from weights: torchvision's
   * builders then train three layers of the backbone, and leave the others as they are}
   *
   * @param name its name
   * @throws IllegalArgumentException if there is none of that name
   */
  public static RcnnConfig pretrainedDefaults(String name) {
    RcnnConfig config = builder(name).defaults();
    return OF_TORCHVISION.contains(name)
        ? config.withBackbone(b -> b.withTrainableBackboneLayers(PRETRAINED_LAYERS))
        : config;
  }

  private static Predicate<String> starts(String... beginnings) {
    return name -> List.of(beginnings).stream().anyMatch(name::startsWith);
  }

  // ---- the table's columns

  private static void fasterRcnnFpn(
      String name, ResNetConfig network, UnaryOperator<RcnnConfig> defaults) {
    OF_TORCHVISION.add(name);
    TABLE.put(
        name,
        new Model(
            () -> defaults.apply(RcnnConfig.DEFAULT),
            PER_REGION.or(GIVEN_REGIONS).or(ONE_MAP),
            (config, classes) -> {
              if (config.anchors().sizes().size() != PYRAMID_MAPS) {
                throw new IllegalArgumentException(
                    "bad hyper-parameter: anchor_sizes has one size for each of the 5 maps");
              }
              BoxHeadConfig box = config.boxHead();
              return fasterRcnn(
                  config,
                  fpn(network, config.backbone()),
                  new AnchorGenerator(config.anchors()),
                  new MultiScaleRoiAlign(PYRAMID_MAPS - 1, box.poolSize(), box.samplingRatio()),
                  classes);
            }));
  }

  private static void fasterRcnn(
      String name, VggConfig network, UnaryOperator<RcnnConfig> defaults) {
    TABLE.put(
        name,
        new Model(
            () ->
                defaults.apply(
                    RcnnConfig.DEFAULT.withAnchors(a -> a.withSizes(List.of(128, 256, 512)))),
            PER_REGION.or(GIVEN_REGIONS).or(PYRAMID).or(BATCH_NORM),
            (config, classes) ->
                fasterRcnn(
                    config,
                    new Vgg(network, config.backbone().trainableBackboneLayers()),
                    AnchorGenerator.ofOneMap(config.anchors()),
                    oneMap(config.boxHead()),
                    classes)));
  }

  private static FasterRcnn fasterRcnn(
      RcnnConfig config,
      Backbone backbone,
      AnchorGenerator anchors,
      RoiPooler pooler,
      int classes) {
    long channels = backbone.outChannels();
    return new FasterRcnn(
        new ImageTransform(config.transform()),
        backbone,
        new RegionProposalNetwork(
            config.rpn(), anchors, new ConvRpnHead(channels, anchors.perLocation())),
        roiHeads(config, channels, pooler, classes));
  }

  private static void fastRcnn(
      String name, ResNetConfig network, UnaryOperator<RcnnConfig> defaults) {
    fastRcnn(name, defaults, PYRAMID, config -> c4(network, config));
  }

  private static void fastRcnn(String name, VggConfig network, UnaryOperator<RcnnConfig> defaults) {
    fastRcnn(
        name,
        defaults,
        PYRAMID.or(BATCH_NORM),
        config -> new Vgg(network, config.trainableBackboneLayers()));
  }

  private static void fastRcnn(
      String name,
      UnaryOperator<RcnnConfig> defaults,
      Predicate<String> unused,
      Function<BackboneConfig, Backbone> network) {
    TABLE.put(
        name,
        new Model(
            () -> defaults.apply(givenRegions().withSampling(s -> s.withBgIouMin(0.1f))),
            PER_REGION.or(PROPOSING).or(unused),
            (config, classes) -> {
              Backbone backbone = network.apply(config.backbone());
              return new FastRcnn(
                  new ImageTransform(config.transform()),
                  backbone,
                  roiHeads(config, backbone.outChannels(), oneMap(config.boxHead()), classes),
                  config.classic().maxProposals());
            }));
  }

  private static void rcnn(String name, ResNetConfig network, UnaryOperator<RcnnConfig> defaults) {
    rcnn(
        name,
        defaults,
        WIDE_HEAD,
        config ->
            new ResNetEncoder(
                network, norms(config.backbone()), config.backbone().trainableBackboneLayers()));
  }

  private static void rcnn(String name, VggConfig network, UnaryOperator<RcnnConfig> defaults) {
    rcnn(
        name,
        defaults,
        BATCH_NORM,
        config ->
            new VggEncoder(
                network,
                config.backbone().trainableBackboneLayers(),
                config.classic().warp().size(),
                config.boxHead().headSize()));
  }

  private static void rcnn(
      String name,
      UnaryOperator<RcnnConfig> defaults,
      Predicate<String> unused,
      Function<RcnnConfig, RegionEncoder> network) {
    TABLE.put(
        name,
        new Model(
            () -> defaults.apply(givenRegions()),
            PROPOSING.or(PYRAMID).or(RESIZED).or(POOLED).or(unused),
            (config, classes) -> new Rcnn(network.apply(config), config, classes)));
  }

  // ---- default hyper-parameters that differ from those of torchvision's Faster R-CNN

  /** Two images per step make the 128 regions of both papers, a quarter of them objects. */
  private static RcnnConfig givenRegions() {
    return RcnnConfig.DEFAULT
        .withSampling(s -> s.withBatchSizePerImage(64))
        .withBoxHead(b -> b.withNmsThresh(0.3f));
  }

  private static RcnnConfig wideHead(RcnnConfig config) {
    return config.withBoxHead(b -> b.withHeadSize(4096));
  }

  /** A model for tests: its maps and heads are as narrow as its network. */
  private static RcnnConfig tiny(RcnnConfig config, Integer... anchorSizes) {
    RcnnConfig narrow =
        config
            .withBackbone(b -> b.withFpnOutChannels(16))
            .withBoxHead(b -> b.withHeadSize(32))
            .withClassic(c -> c.withWarp(w -> w.withSize(64).withContext(4)));
    return anchorSizes.length == 0
        ? narrow
        : narrow.withAnchors(a -> a.withSizes(List.of(anchorSizes)));
  }

  // ---- parts

  private static Backbone fpn(ResNetConfig network, BackboneConfig config) {
    return new ResNetFpn(
        network, norms(config), config.trainableBackboneLayers(), config.fpnOutChannels());
  }

  private static Backbone c4(ResNetConfig network, BackboneConfig config) {
    return new ResNetC4(network, norms(config), config.trainableBackboneLayers());
  }

  private static LongFunction<Norm> norms(BackboneConfig config) {
    return channels -> config.norm().create(channels, config.batchNormEps());
  }

  private static RoiPooler oneMap(BoxHeadConfig config) {
    return new OneMapRoiPool(config.roiPool(), config.poolSize(), config.samplingRatio());
  }

  private static RoiHeads roiHeads(
      RcnnConfig config, long channels, RoiPooler pooler, int classes) {
    BoxHeadConfig box = config.boxHead();
    BoxHead head = new TwoMlpHead(channels, box.poolSize(), box.headSize());
    return new RoiHeads(
        new RoiSampler(config.sampling()), new BoxBranch(box, pooler, head, classes));
  }
}
