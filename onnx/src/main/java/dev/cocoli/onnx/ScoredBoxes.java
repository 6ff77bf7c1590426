package dev.cocoli.onnx;

import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.detection.head.BoxBranch;
import java.util.List;

/**
 * A box and a score of each proposal for each class but the background, K - 1 of them
 * (torchvision's {@code RoIHeads}).
 *
 * @param boxes {@code [N,R,K-1,4]} in pixels of the resized image
 * @param scores {@code [N,R,K-1]}; negative for what is no box
 */
record ScoredBoxes(Value boxes, Value scores) {
  private static final String HEAD = "roi_heads.box_head.";
  private static final String PREDICTOR = "roi_heads.box_predictor.";

  /**
   * {@return what the box head says of proposals}
   *
   * @param weights those of the detector
   * @param config of the head
   * @param images the images
   * @param proposals the proposals
   * @param pooled their features
   */
  static ScoredBoxes of(
      Weights weights,
      BoxHeadConfig config,
      InputImages images,
      Proposals proposals,
      Regions.Pooled pooled) {
    Graph graph = proposals.boxes().graph();
    Value flat = graph.node("Flatten", List.of(pooled.features()), Graph.attribute("axis", 1L));
    Value hidden = weights.linear(flat, HEAD + "fc6").apply("Relu");
    hidden = weights.linear(hidden, HEAD + "fc7").apply("Relu");
    Value logits = pooled.inOrder(weights.linear(hidden, PREDICTOR + "cls_score"));
    Value deltas = pooled.inOrder(weights.linear(hidden, PREDICTOR + "bbox_pred"));
    long classes = weights.dim(PREDICTOR + "cls_score.weight", 0);
    Value count = images.count();
    Value probabilities =
        graph
            .node("Softmax", List.of(logits), Graph.attribute("axis", 1L))
            .slice(1, 1, classes)
            .reshape(graph.shape(count, graph.longs(-1, classes - 1)));
    Value foreground =
        deltas.reshape(graph.shape(count, graph.longs(-1, classes, 4))).slice(2, 1, classes);
    Boxes decoded =
        Boxes.decode(
            config.boxCoder(), foreground, proposals.boxes().reshape(0, 0, 1, 4), images.limit());
    Value isBox =
        decoded
            .shorterSide()
            .reshape(0, 0, -1)
            .isAtLeast(BoxBranch.MIN_BOX_SIDE)
            .and(proposals.scores().isAtLeast(0).reshape(0, 0, 1));
    return new ScoredBoxes(decoded.corners(), isBox.choose(probabilities, Suppression.NONE));
  }

  /**
   * {@return the detections: suppressed per class, the best of each image, in falling order}
   *
   * @param config how many, and how they are suppressed
   */
  Detections suppress(BoxHeadConfig config) {
    Graph graph = boxes.graph();
    Value regions = boxes.dim(1);
    Value classes = boxes.dim(2);
    // the classes of all images are images of one class, because each has boxes of its own
    Value perClass =
        Suppression.select(
            config.nmsThresh(),
            config.detectionsPerImg(),
            Math.max(config.scoreThresh(), Suppression.ANY_SCORE),
            boxes
                .transpose(0, 2, 1, 3)
                .reshape(graph.shape(graph.longs(-1), regions, graph.longs(4))),
            scores.transpose(0, 2, 1).reshape(graph.shape(graph.longs(-1, 1), regions)));
    Value imageAndClass = perClass.slice(1, 0, 1);
    Value image = imageAndClass.over(classes);
    Value place = perClass.slice(1, 2, 3).times(classes).plus(imageAndClass.modulo(classes));
    Value chosen = graph.concat(1, List.of(image, place));
    Value flat = scores.reshape(0, -1);
    Value kept =
        graph.filled(flat.shape(), Suppression.NONE).scatterNd(chosen, flat.gatherNd(chosen));
    Value.Best best = kept.best(kept.dim(1).min(graph.longs(config.detectionsPerImg())));
    Value found = best.values().isAtLeast(0).nonZero();
    Value rows = found.transpose(1, 0);
    Value places = best.indices().gatherNd(rows);
    Value images = found.gather(0, graph.scalar(0L));
    Value coordinates = graph.concat(1, List.of(images.reshape(-1, 1), places.reshape(-1, 1)));
    Value flatBoxes = boxes.reshape(graph.shape(graph.longs(0, -1, 4)));
    return new Detections(
        flatBoxes.gatherNd(coordinates),
        places.modulo(classes).plus(1),
        best.values().gatherNd(rows),
        images);
  }

  /**
   * Detections of all images, image by image.
   *
   * @param boxes {@code [D,4]} in pixels of the resized image
   * @param labels {@code [D]}
   * @param scores {@code [D]}
   * @param images the number of the image of each, {@code [D]}
   */
  record Detections(Value boxes, Value labels, Value scores, Value images) {}
}
