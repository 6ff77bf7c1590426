package dev.cocoli.detection.config;

import java.util.function.UnaryOperator;

/**
 * The hyper-parameters of a detector of the R-CNN family, part by part. A model takes the parts
 * that it has a use for. Every value keeps torchvision's name in {@link Hyperparameters}.
 *
 * <pre>{@code
 * RcnnConfig small = RcnnConfig.DEFAULT.withTransform(t -> t.withMinSize(240));
 * }</pre>
 *
 * @param transform how images become a batch
 * @param backbone the network
 * @param anchors the boxes that proposals are written relative to
 * @param rpn the region proposal network
 * @param sampling which proposals the RoI heads are trained on
 * @param boxHead the branch that classifies and refines proposals
 * @param classic what R-CNN and Fast R-CNN have besides
 * @param own what a model of a program's own has besides: a public record of integers, numbers,
 *     booleans, text, enumerations, lists that are not empty, and records of these. Its components
 *     are hyper-parameters like the others, recorded in runs and weights files; {@link None} for
 *     the models of this library
 */
public record RcnnConfig(
    TransformConfig transform,
    BackboneConfig backbone,
    AnchorConfig anchors,
    RpnConfig rpn,
    SamplingConfig sampling,
    BoxHeadConfig boxHead,
    ClassicConfig classic,
    Record own) {
  /** No hyper-parameters. */
  public record None() {}

  /**
   * torchvision's {@code fasterrcnn_resnet50_fpn}; the papers' where torchvision has no such model.
   */
  public static final RcnnConfig DEFAULT =
      new RcnnConfig(
          TransformConfig.DEFAULT,
          BackboneConfig.DEFAULT,
          AnchorConfig.DEFAULT,
          RpnConfig.DEFAULT,
          SamplingConfig.DEFAULT,
          BoxHeadConfig.DEFAULT,
          ClassicConfig.DEFAULT,
          new None());

  /**
   * {@return this with another {@link #transform}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withTransform(UnaryOperator<TransformConfig> change) {
    return new RcnnConfig(
        change.apply(transform), backbone, anchors, rpn, sampling, boxHead, classic, own);
  }

  /**
   * {@return this with another {@link #backbone}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withBackbone(UnaryOperator<BackboneConfig> change) {
    return new RcnnConfig(
        transform, change.apply(backbone), anchors, rpn, sampling, boxHead, classic, own);
  }

  /**
   * {@return this with another {@link #anchors}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withAnchors(UnaryOperator<AnchorConfig> change) {
    return new RcnnConfig(
        transform, backbone, change.apply(anchors), rpn, sampling, boxHead, classic, own);
  }

  /**
   * {@return this with another {@link #rpn}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withRpn(UnaryOperator<RpnConfig> change) {
    return new RcnnConfig(
        transform, backbone, anchors, change.apply(rpn), sampling, boxHead, classic, own);
  }

  /**
   * {@return this with another {@link #sampling}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withSampling(UnaryOperator<SamplingConfig> change) {
    return new RcnnConfig(
        transform, backbone, anchors, rpn, change.apply(sampling), boxHead, classic, own);
  }

  /**
   * {@return this with another {@link #boxHead}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withBoxHead(UnaryOperator<BoxHeadConfig> change) {
    return new RcnnConfig(
        transform, backbone, anchors, rpn, sampling, change.apply(boxHead), classic, own);
  }

  /**
   * {@return this with another {@link #classic}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withClassic(UnaryOperator<ClassicConfig> change) {
    return new RcnnConfig(
        transform, backbone, anchors, rpn, sampling, boxHead, change.apply(classic), own);
  }

  /**
   * {@return this with another {@link #own}}
   *
   * @param value the new one
   */
  public RcnnConfig withOwn(Record value) {
    return new RcnnConfig(transform, backbone, anchors, rpn, sampling, boxHead, classic, value);
  }

  /**
   * {@return {@link #own}, of the class that a model's builder expects}
   *
   * @param type the class
   * @param <R> that class
   * @throws IllegalArgumentException if it is of another class
   */
  public <R extends Record> R own(Class<R> type) {
    if (!type.isInstance(own)) {
      throw new IllegalArgumentException(
          "the model needs hyper-parameters of its own, a " + type.getName() + ", but has " + own);
    }
    return type.cast(own);
  }
}
