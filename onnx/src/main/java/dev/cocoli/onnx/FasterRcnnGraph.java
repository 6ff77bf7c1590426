package dev.cocoli.onnx;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.cocoli.detection.config.AnchorConfig;
import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.detection.head.AnchorGenerator;
import dev.cocoli.detection.head.RoiPooling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Composes the graph of a Faster R-CNN, over a feature pyramid or over one map. */
final class FasterRcnnGraph {
  /** The coarsest map of a pyramid is for proposals alone. */
  private static final int POOLED_MAPS = 4;

  private final Graph graph;
  private final Weights weights;
  private final RcnnConfig config;
  private final OnnxOptions options;

  FasterRcnnGraph(Graph graph, Weights weights, RcnnConfig config, OnnxOptions options) {
    this.graph = graph;
    this.weights = weights;
    this.config = config;
    this.options = options;
  }

  /** Adds the nodes from the input to the outputs. */
  void compose() {
    graph.part("transform");
    InputImages images = InputImages.of(config.transform(), input());
    graph.part("backbone");
    boolean pyramid = Backbones.isPyramid(weights);
    List<Value> maps =
        pyramid
            ? Backbones.pyramid(weights, config.backbone().batchNormEps(), images.pixels())
            : List.of(Backbones.vgg(weights, images.pixels()));
    graph.part("rpn");
    Suppression suppression =
        switch (options.parts()) {
          case ALL -> Suppression.OPERATOR;
          case HEADS -> Suppression.MATRICES;
        };
    Proposals proposals =
        Proposals.of(weights, config.rpn(), cells(pyramid), suppression, images, maps);
    graph.part("roi_heads");
    Regions regions = Regions.of(proposals.boxes());
    Regions.Pooled pooled = pyramid ? fromPyramid(regions, images, maps) : fromMap(regions, maps);
    ScoredBoxes scored = ScoredBoxes.of(weights, config.boxHead(), images, proposals, pooled);
    switch (options.parts()) {
      case ALL -> detections(images, scored);
      case HEADS -> heads(images, scored);
    }
  }

  private Value input() {
    return switch (options.input()) {
      case IMAGE -> {
        Value image = graph.input("image", List.of("3", "height", "width"));
        yield image.reshape(graph.shape(graph.longs(1), image.shape()));
      }
      case BATCH -> graph.input("images", List.of("batch", "3", "height", "width"));
    };
  }

  /** The anchors around the origin: those of the only place of a map of one pixel. */
  private List<float[]> cells(boolean pyramid) {
    AnchorConfig anchors = config.anchors();
    int maps = pyramid ? anchors.sizes().size() : 1;
    AnchorGenerator generator =
        pyramid ? new AnchorGenerator(anchors) : AnchorGenerator.ofOneMap(anchors);
    float[] all = generator.generate(1, 1, Collections.nCopies(maps, new long[] {1, 1}));
    int length = all.length / maps;
    List<float[]> cells = new ArrayList<>();
    for (int map = 0; map < maps; map++) {
      cells.add(Arrays.copyOfRange(all, map * length, (map + 1) * length));
    }
    return cells;
  }

  private Regions.Pooled fromPyramid(Regions regions, InputImages images, List<Value> maps) {
    BoxHeadConfig box = config.boxHead();
    return regions.alignFromPyramid(
        images, maps.subList(0, POOLED_MAPS), box.poolSize(), box.samplingRatio());
  }

  private Regions.Pooled fromMap(Regions regions, List<Value> maps) {
    BoxHeadConfig box = config.boxHead();
    Value map = maps.getFirst();
    Value features =
        box.roiPool() == RoiPooling.POOL
            ? regions.maxPool(map, Backbones.VGG_SCALE, box.poolSize())
            : regions.align(map, Backbones.VGG_SCALE, box.poolSize(), box.samplingRatio());
    return new Regions.Pooled(features, graph.range(features.dim(0)));
  }

  // ---- outputs

  private void detections(InputImages images, ScoredBoxes scored) {
    ScoredBoxes.Detections found = scored.suppress(config.boxHead());
    graph.output(
        images.toOriginal(found.boxes()), "boxes", DataType.FLOAT, List.of("detections", "4"));
    graph.output(found.labels(), "labels", DataType.INT64, List.of("detections"));
    graph.output(found.scores(), "scores", DataType.FLOAT, List.of("detections"));
    if (options.input() == OnnxOptions.Input.BATCH) {
      graph.output(found.images(), "image_numbers", DataType.INT64, List.of("detections"));
    }
  }

  private void heads(InputImages images, ScoredBoxes scored) {
    Value boxes = images.toOriginal(scored.boxes());
    Value scores = scored.scores().max(graph.floats(0));
    String classes = Long.toString(weights.dim("roi_heads.box_predictor.cls_score.weight", 0) - 1);
    List<String> extents = new ArrayList<>(List.of("batch", "proposals", classes));
    if (options.input() == OnnxOptions.Input.IMAGE) {
      extents.removeFirst();
      boxes = boxes.reshape(-1, Long.parseLong(classes), 4);
      scores = scores.reshape(-1, Long.parseLong(classes));
    }
    List<String> ofBoxes = new ArrayList<>(extents);
    ofBoxes.add("4");
    graph.output(boxes, "boxes", DataType.FLOAT, ofBoxes);
    graph.output(scores, "scores", DataType.FLOAT, extents);
  }
}
